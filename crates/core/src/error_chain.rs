//! From an error and its `source()` chain to exceptions, the innermost cause first (`protocol.md` §5.8).

use std::error::Error;

use watchpost_protocol::{Event, Exception, Mechanism};

/// A chain longer than this is cut: an error whose source is itself must not hang the program.
const MAX_CHAIN: usize = 50;

/// An error, and the name of its type. It is made where the type is known; nothing behind it is generic, or every type of error would
/// bring a program its own copy of all this.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    error: &'a dyn Error,
    type_name: &'static str,
}

impl<'a> Named<'a> {
    /// A reference to the reference, because what is unsized already cannot be made a `dyn Error`.
    pub(crate) fn of<E: Error + ?Sized>(error: &'a &E) -> Self {
        Named { error, type_name: std::any::type_name::<E>() }
    }
}

/// The event of an error that the program captured itself.
pub(crate) fn event(error: Named<'_>) -> Event {
    let mechanism = Mechanism { ty: "generic".into(), handled: Some(true), ..Mechanism::default() };
    Event { exception: chain(error, mechanism).into(), ..Event::default() }
}

/// The exceptions of an error, the innermost cause first. Each but the last is `chained` to the one that it caused. `mechanism` says what
/// captured it, and whether it was handled.
pub fn exceptions<E: Error + ?Sized>(error: &E, mechanism: Mechanism) -> Vec<Exception> {
    chain(Named::of(&error), mechanism)
}

fn chain(error: Named<'_>, mechanism: Mechanism) -> Vec<Exception> {
    let handled = mechanism.handled;
    let mut chain = vec![outermost(error, mechanism)];
    let mut cause = error.error.source();
    while let Some(error) = cause.filter(|_| chain.len() < MAX_CHAIN) {
        let id = chain.len() as u32;
        let mechanism = Mechanism {
            ty: "chained".into(),
            handled,
            exception_id: Some(id),
            parent_id: Some(id - 1),
            source: Some("source()".into()),
            ..Mechanism::default()
        };
        chain.push(Exception {
            ty: Some(debug_name(error)),
            value: Some(error.to_string()),
            mechanism: Some(mechanism),
            ..Exception::default()
        });
        cause = error.source();
    }
    if chain.len() > 1
        && let Some(mechanism) = chain[0].mechanism.as_mut()
    {
        mechanism.exception_id = Some(0);
    }
    chain.reverse();
    chain
}

/// The error that was captured: the only one whose type is known by name. A type that was erased is named by what it prints.
fn outermost(Named { error, type_name }: Named<'_>, mechanism: Mechanism) -> Exception {
    let (module, name) =
        if type_name.starts_with("dyn ") { (None, debug_name(error)) } else { split_path(type_name) };
    Exception {
        ty: Some(name),
        module,
        value: Some(error.to_string()),
        mechanism: Some(mechanism),
        ..Exception::default()
    }
}

/// Splits `shop::cart::Declined<alloc::string::String>` into `shop::cart` and `Declined<String>`.
fn split_path(full: &str) -> (Option<String>, String) {
    let head = full.split('<').next().unwrap_or(full);
    let (module, _) = head.rsplit_once("::").unzip();
    (module.map(str::to_owned), short_name(full))
}

/// A type's name without the paths, also inside its parameters.
fn short_name(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    for part in full.split_inclusive(|char: char| !(char.is_alphanumeric() || char == '_' || char == ':')) {
        short.push_str(part.rsplit_once("::").map_or(part, |(_, name)| name));
    }
    short
}

/// The name with which a derived `Debug` begins: the struct, or the variant of the enum. An error that prints something else is an `Error`.
fn debug_name(error: &dyn Error) -> String {
    let debug = format!("{error:?}");
    let name: String =
        debug.chars().take_while(|char| char.is_alphanumeric() || matches!(char, '_' | ':')).collect();
    let is_name = name.starts_with(|char: char| char.is_ascii_uppercase());
    let rest = debug[name.len()..].trim_start();
    if is_name && (rest.is_empty() || rest.starts_with(['{', '('])) { name } else { "Error".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

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

    fn picture(exceptions: &[Exception]) -> Vec<String> {
        exceptions
            .iter()
            .map(|each| {
                let mechanism = each.mechanism.as_ref().unwrap();
                format!(
                    "{}: {} [{} {:?}<-{:?}]",
                    each.ty.as_deref().unwrap(),
                    each.value.as_deref().unwrap(),
                    mechanism.ty,
                    mechanism.exception_id,
                    mechanism.parent_id
                )
            })
            .collect()
    }

    #[test]
    fn the_captured_error_is_last_and_its_type_is_known() {
        let event = event(Named::of(&&Outer(Inner::Declined { _code: Some(String::new()) })));
        assert_eq!(
            picture(&event.exception),
            [
                "Declined: card declined [chained Some(1)<-Some(0)]",
                "Outer<Option<String>>: checkout failed [generic Some(0)<-None]",
            ]
        );
        assert!(event.exception[1].module.as_deref().unwrap().ends_with("error_chain::tests"));
    }

    #[test]
    fn an_erased_error_is_named_by_what_it_prints() {
        let erased: Box<dyn Error + Send + Sync> = "only text".into();
        assert_eq!(
            picture(&event(Named::of(&&*erased)).exception),
            ["Error: only text [generic None<-None]"]
        );
        let io: Box<dyn Error> = Box::new(Inner::Declined { _code: 1 });
        assert_eq!(
            picture(&event(Named::of(&&*io)).exception),
            ["Declined: card declined [generic None<-None]"]
        );
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
        assert_eq!(event(Named::of(&&Loop)).exception.len(), MAX_CHAIN);
    }
}
