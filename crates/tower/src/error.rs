//! Errors that come out of a service, and the exceptions that are made of them.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;

use watchpost_core::layer::{self, ErrorRecord};
use watchpost_protocol::{Exception, Mechanism};

use crate::framework;

/// What a service may fail with: anything that can be printed. Of a boxed error (`Box<dyn Error + Send + Sync>`) the causes are reported too; of
/// others, what they print.
///
/// Every type that qualifies implements it by itself.
pub trait ServiceError: Display + Any {}

impl<E: Display + Any> ServiceError for E {}

/// The exceptions of an error that nobody handled.
pub(crate) fn unhandled<E: ServiceError>(error: &E, origin: &'static str) -> ErrorRecord {
    let mechanism = mechanism(origin);
    let any: &dyn Any = error;
    let boxed =
        any.downcast_ref::<Box<dyn Error + Send + Sync>>().map(|boxed| &**boxed as &(dyn Error + 'static));
    if let Some(error) = boxed.or_else(|| framework::inner_error(any)) {
        return layer::ErrorRecord::of(&layer::View::erased(error), mechanism);
    }
    let exception = Exception {
        ty: Some(short_type_name::<E>()),
        value: Some(error.to_string()),
        mechanism: Some(mechanism),
        ..Exception::default()
    };
    exception.into()
}

/// An exception that stands for a status.
pub(crate) fn of_status(ty: String, value: String, origin: &'static str) -> ErrorRecord {
    let mechanism = Some(mechanism(origin));
    let exception = Exception { ty: Some(ty), value: Some(value), mechanism, ..Exception::default() };
    exception.into()
}

fn mechanism(origin: &'static str) -> Mechanism {
    Mechanism { ty: origin.into(), handled: Some(false), ..Mechanism::default() }
}

/// `shop::cart::Declined<alloc::string::String>` as `Declined`.
fn short_type_name<E>() -> String {
    let full = std::any::type_name::<E>();
    let head = full.split('<').next().unwrap_or(full);
    head.rsplit("::").next().unwrap_or(head).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Caused(std::num::ParseIntError);

    impl std::fmt::Display for Caused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no number")
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_boxed_error_tells_its_causes_and_any_other_what_it_prints() {
        let boxed: Box<dyn Error + Send + Sync> = Box::new(Caused("x".parse::<u8>().unwrap_err()));
        let names = |error: ErrorRecord| -> Vec<String> {
            error.exceptions.into_iter().filter_map(|exception| exception.ty).collect()
        };
        assert_eq!(names(unhandled(&boxed, "auto.http.tower")), ["ParseIntError", "Caused"]);
        let plain = std::sync::Arc::new(std::io::Error::other("x"));
        assert_eq!(names(unhandled(&plain, "auto.http.tower")), ["Arc"]);
    }
}
