//! From an error and its `source()` chain to exceptions, the innermost cause first (`protocol.md` §5.8).

use std::error::Error;

use watchpost_protocol::{Event, Exception, Mechanism};

/// A chain longer than this is cut: an error whose source is itself must not hang the program.
const MAX_CHAIN: usize = 50;

/// The event of an error that the program captured itself.
pub(crate) fn event<E: Error + ?Sized>(error: &E) -> Event {
    let mechanism = Mechanism { ty: "generic".into(), handled: Some(true), ..Mechanism::default() };
    event_with(error, mechanism)
}

/// The event of an error that something else captured; `mechanism` says what, and whether it was handled.
pub(crate) fn event_with<E: Error + ?Sized>(error: &E, mechanism: Mechanism) -> Event {
    let mut event = Event::default();
    *event.exception = exceptions(error, mechanism);
    event
}

/// The exceptions of an error, the innermost cause first. Each but the last is `chained` to the one that it caused.
pub fn exceptions<E: Error + ?Sized>(error: &E, mechanism: Mechanism) -> Vec<Exception> {
    let handled = mechanism.handled;
    let mut chain = vec![outermost(error, mechanism)];
    let mut cause = error.source();
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
fn outermost<E: Error + ?Sized>(error: &E, mechanism: Mechanism) -> Exception {
    let full = std::any::type_name::<E>();
    let (module, name) = if full.starts_with("dyn ") { (None, debug_name(error)) } else { split_path(full) };
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
pub(crate) fn debug_name<E: Error + ?Sized>(error: &E) -> String {
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
        let event = event(&Outer(Inner::Declined { _code: Some(String::new()) }));
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
        assert_eq!(picture(&event(&*erased).exception), ["Error: only text [generic None<-None]"]);
        let io: Box<dyn Error> = Box::new(Inner::Declined { _code: 1 });
        assert_eq!(picture(&event(&*io).exception), ["Declined: card declined [generic None<-None]"]);
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
        assert_eq!(event(&Loop).exception.len(), MAX_CHAIN);
    }
}
