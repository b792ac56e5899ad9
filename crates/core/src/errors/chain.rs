//! From an error and its causes to exceptions, the innermost cause first.

use std::borrow::Cow;
use std::error::Error;
use std::sync::OnceLock;

use watchpost_protocol::{Exception, Map, Mechanism, Value};

use super::draft::{Identity, Notes};
use super::hooks::ErrorHooks;
use super::names::{Leading, TypeName, UNNAMED};
use super::no_failure;
use super::view::{Causes, MAX_EXCEPTIONS, View};
use crate::fields::Fields;

/// Few errors have more causes: the list of these is made once.
const USUAL: usize = 4;

/// Reads the fields of the spans that an error was made in, the innermost's first.
pub type ReadSpanFields = fn(&(dyn Error + 'static)) -> Option<Fields>;

static SPAN_FIELDS: OnceLock<ReadSpanFields> = OnceLock::new();

/// Says how errors are read that carry the spans they were made in. For the tracing layer; there is one way per process.
pub fn set_read_span_fields(read: ReadSpanFields) {
    let _ = SPAN_FIELDS.set(read);
}

/// What was read of an error.
#[derive(Debug, Clone, Default)]
pub struct ErrorRecord {
    /// The error and its causes, the innermost first.
    pub exceptions: Vec<Exception>,
    pub(crate) notes: Notes,
}

impl From<Exception> for ErrorRecord {
    /// An exception that stands for something that is no error.
    fn from(exception: Exception) -> Self {
        ErrorRecord { exceptions: vec![exception], notes: Notes::default() }
    }
}

/// The exceptions of an error, the innermost cause first. Each but the last is `chained` to the one that it caused.
pub fn exceptions<K, E: super::AsError<K> + ?Sized>(error: &E, mechanism: Mechanism) -> Vec<Exception> {
    read(&error.view(), mechanism, None).exceptions
}

pub(crate) fn read(view: &View<'_>, mechanism: Mechanism, hooks: Option<&ErrorHooks>) -> ErrorRecord {
    let hooks = hooks.filter(|hooks| !hooks.is_empty());
    let mut tree = Tree {
        list: Vec::with_capacity(USUAL),
        left_out: 0,
        handled: mechanism.handled,
        hooks,
        notes: Notes::default(),
    };
    tree.notes.printed_stack = view.backtrace.and_then(|backtrace| backtrace.print());
    tree.add(view, mechanism);
    let Tree { list: mut exceptions, notes, .. } = tree;
    if exceptions.len() > 1
        && let Some(mechanism) = &mut exceptions[0].mechanism
    {
        mechanism.exception_id = Some(0);
    }
    exceptions.reverse();
    ErrorRecord { exceptions, notes }
}

/// A tree of errors while it is read: parents before children, as they are numbered.
struct Tree<'h> {
    list: Vec<Exception>,
    left_out: usize,
    handled: Option<bool>,
    hooks: Option<&'h ErrorHooks>,
    notes: Notes,
}

impl Tree<'_> {
    fn add(&mut self, view: &View<'_>, mut mechanism: Mechanism) {
        let leading = Leading::of(&view.text);
        let mut name = TypeName::of(view, &leading);
        self.notes.no_failure |= name.name.as_deref().is_some_and(|name| no_failure::is_said_by(view, name));
        if matches!(view.causes, Causes::Several(_)) {
            mechanism.is_exception_group = Some(true);
        }
        if let Some(error) = view.error() {
            note_errno(error, &mut mechanism);
            if self.notes.fields.is_none() {
                self.notes.fields = SPAN_FIELDS.get().and_then(|read| read(error));
            }
            if let Some(hooks) = self.hooks {
                hooks.see(error, &mut self.notes);
            }
        }
        let value = view.text.to_string();
        if name.name.is_none()
            && self.left_out < MAX_EXCEPTIONS
            && let Some(cause) = cause_in_the_same_words(view, &value)
        {
            // A wrapper of which nothing is known, as axum's around the error of a body, says nothing that its cause does not say better.
            self.left_out += 1;
            return self.add(&View::erased(cause), mechanism);
        }
        let id = self.list.len() as u32;
        if id == 0 {
            self.notes.identity = Some(Identity::of(leading.name(), Some(&value)));
        }
        self.list.push(Exception {
            module: name.module.take(),
            // Not `synthetic`, though it is made up: of such a one the server drops the words, too, from the title (§5.8).
            ty: Some(name.told().unwrap_or_else(|| UNNAMED.into())),
            value: Some(value),
            mechanism: Some(mechanism),
            ..Exception::default()
        });
        match &view.causes {
            Causes::Source => {
                if let Some(cause) = view.error().and_then(Error::source) {
                    self.add_cause(&View::erased(cause), id, "source()".into());
                }
            }
            Causes::Several(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    self.add_cause(error, id, format!("errors[{index}]").into());
                }
            }
            Causes::Below(below) => {
                for cause in below {
                    self.add_cause(cause, id, "source()".into());
                }
            }
        }
    }

    fn add_cause(&mut self, view: &View<'_>, parent: u32, source: Cow<'static, str>) {
        if self.list.len() == MAX_EXCEPTIONS {
            return;
        }
        let mechanism = Mechanism {
            ty: "chained".into(),
            handled: self.handled,
            exception_id: Some(self.list.len() as u32),
            parent_id: Some(parent),
            source: Some(source),
            ..Mechanism::default()
        };
        self.add(view, mechanism);
    }
}

/// The cause of an error, if that says the same.
fn cause_in_the_same_words<'a>(view: &View<'a>, words: &str) -> Option<&'a (dyn Error + 'static)> {
    let Causes::Source = view.causes else { return None };
    view.error().and_then(Error::source).filter(|cause| cause.to_string() == words)
}

/// What the operating system said.
fn note_errno(error: &(dyn Error + 'static), mechanism: &mut Mechanism) {
    let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    if let Some(number) = number {
        let mut errno = Map::new();
        errno.insert("number".into(), number.into());
        mechanism.meta.insert("errno".into(), Value::Object(errno));
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;
    use crate::errors::{AsError, Group, is_unnamed};

    #[derive(Debug)]
    struct Outer<T>(Inner<T>);
    #[derive(Debug)]
    enum Inner<T> {
        Declined { _code: T },
    }
    impl<T: fmt::Debug> fmt::Display for Outer<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("checkout failed")
        }
    }
    impl<T: fmt::Debug> fmt::Display for Inner<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("card declined")
        }
    }
    impl<T: fmt::Debug + 'static> Error for Outer<T> {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    impl<T: fmt::Debug> Error for Inner<T> {}

    fn all<K>(error: &(impl AsError<K> + ?Sized)) -> Vec<Exception> {
        exceptions(error, Mechanism::default())
    }

    fn picture(exceptions: &[Exception]) -> Vec<String> {
        exceptions
            .iter()
            .map(|each| {
                let mechanism = each.mechanism.as_ref().unwrap();
                format!(
                    "{}: {} [{}{} {:?}<-{:?} {}]",
                    each.ty.as_deref().unwrap(),
                    each.value.as_deref().unwrap(),
                    mechanism.ty,
                    if mechanism.is_exception_group == Some(true) { " group" } else { "" },
                    mechanism.exception_id,
                    mechanism.parent_id,
                    mechanism.source.as_deref().unwrap_or("-"),
                )
            })
            .collect()
    }

    #[test]
    fn the_captured_error_is_last_and_its_type_is_known() {
        let exceptions = all(&Outer(Inner::Declined { _code: Some(String::new()) }));
        assert_eq!(
            picture(&exceptions),
            [
                "Declined: card declined [chained Some(1)<-Some(0) source()]",
                "Outer<Option<String>>: checkout failed [generic Some(0)<-None -]",
            ]
        );
        assert!(exceptions[1].module.as_deref().unwrap().ends_with("errors::chain::tests"));
    }

    #[test]
    fn an_enum_is_called_by_its_type_and_variant_and_erased_by_its_variant() {
        let declined = || Inner::Declined { _code: 1 };
        assert_eq!(all(&declined())[0].ty.as_deref(), Some("Inner<i32>::Declined"));
        let erased: Box<dyn Error> = Box::new(declined());
        assert_eq!(all(&erased)[0].ty.as_deref(), Some("Declined"));
    }

    #[test]
    fn what_has_no_type_keeps_its_words_in_the_title() {
        let text: Box<dyn Error + Send + Sync> = "only text".into();
        let exceptions = all(&text);
        assert_eq!(picture(&exceptions), ["Error: only text [generic None<-None -]"]);
        assert_eq!(
            exceptions[0].mechanism.as_ref().unwrap().synthetic,
            None,
            "the server would drop the words, too"
        );
        assert!(is_unnamed(&exceptions[0]));
    }

    /// Says what is in it, as axum's around the error of a body; in one that is empty is itself.
    struct Wrapper {
        prints: &'static str,
        inner: Option<Box<dyn Error>>,
    }
    impl fmt::Debug for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct(self.prints).finish_non_exhaustive()
        }
    }
    impl fmt::Display for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match &self.inner {
                Some(inner) => fmt::Display::fmt(inner, f),
                None => f.write_str("empty"),
            }
        }
    }
    impl Error for Wrapper {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self.inner.as_deref().unwrap_or(self))
        }
    }

    #[test]
    fn a_wrapper_that_says_what_its_cause_says_is_left_out_if_nothing_is_known_of_it() {
        let wrapped = |prints, inner| -> Box<dyn Error> { Box::new(Wrapper { prints, inner: Some(inner) }) };
        let twice =
            || wrapped("Error", wrapped("Error", Box::new(std::io::Error::other("the disk is gone"))));
        assert_eq!(picture(&all(&twice())), ["io::Error: the disk is gone [generic None<-None -]"]);
        assert_eq!(
            picture(&all(&wrapped("Lost", twice()))),
            [
                "io::Error: the disk is gone [chained Some(1)<-Some(0) source()]",
                "Lost: the disk is gone [generic Some(0)<-None -]",
            ]
        );
        let around_itself: Box<dyn Error> = Box::new(Wrapper { prints: "Error", inner: None });
        assert_eq!(all(&around_itself).len(), MAX_EXCEPTIONS);
    }

    #[test]
    fn several_errors_are_a_tree_numbered_from_its_root() {
        let [a, b] = ["x", ""].map(|text| text.parse::<u8>().unwrap_err());
        let outer = Outer(Inner::Declined { _code: 1 });
        let view = Group::new("2 of 3 failed", [&a as &(dyn Error + 'static), &outer, &b]).into_view();
        assert_eq!(
            picture(&read(&view, Mechanism::default(), None).exceptions),
            [
                "ParseIntError: cannot parse integer from empty string [chained Some(4)<-Some(0) errors[2]]",
                "Declined: card declined [chained Some(3)<-Some(2) source()]",
                "Outer: checkout failed [chained Some(2)<-Some(0) errors[1]]",
                "ParseIntError: invalid digit found in string [chained Some(1)<-Some(0) errors[0]]",
                "ErrorGroup: 2 of 3 failed [generic group Some(0)<-None -]",
            ]
        );
        let list = all(&vec![a, b]);
        assert_eq!(
            list.last().map(|each| (each.ty.clone().unwrap(), each.value.clone().unwrap())),
            Some(("Vec<ParseIntError>".to_owned(), "2 errors".to_owned()))
        );
    }

    #[test]
    fn what_the_system_said_is_a_number() {
        let exceptions = all(&std::io::Error::from_raw_os_error(2));
        let meta = &exceptions[0].mechanism.as_ref().unwrap().meta;
        assert_eq!(meta["errno"], serde_json::json!({ "number": 2 }));
        assert!(all(&std::io::Error::other("x"))[0].mechanism.as_ref().unwrap().meta.is_empty());
    }

    #[test]
    fn a_chain_without_an_end_is_cut() {
        #[derive(Debug)]
        struct Loop;
        impl fmt::Display for Loop {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("loop")
            }
        }
        impl Error for Loop {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&Loop)
            }
        }
        assert_eq!(all(&Loop).len(), MAX_EXCEPTIONS);
    }
}
