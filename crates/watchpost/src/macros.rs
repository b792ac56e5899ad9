//! Macros: what needs the caller's crate or its format string.

/// The release of your crate, as `name@version`; for [`Options::release`](crate::Options::release).
///
/// ```
/// let options = watchpost::Options::new().release(watchpost::release_name!())?;
/// # Ok::<(), watchpost::InitError>(())
/// ```
#[macro_export]
macro_rules! release_name {
    () => {
        ::std::concat!(::std::env!("CARGO_PKG_NAME"), "@", ::std::env!("CARGO_PKG_VERSION"))
    };
}

/// Captures a message made from a template and its parameters, which come after it: two messages of one template are one issue.
/// The parameters are evaluated, and printed only if the message is captured. Returns what [`capture_message`](crate::capture_message()) does.
///
/// ```
/// let order = 42;
/// watchpost::capture_message!("order {} was not paid", order);
/// ```
#[macro_export]
macro_rules! capture_message {
    ($template:literal $(, $parameter:expr)* $(,)?) => {
        $crate::__capture_message!($template; [] $($parameter,)*)
    };
}

/// Binds the parameters one by one, so that each is evaluated once: each `parameter` is a name of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture_message {
    ($template:literal; [$($bound:ident)*]) => {
        $crate::__private::capture_template(
            $template,
            || (::std::format!($template $(, $bound)*), ::std::vec![$($crate::__private::parameter($bound)),*]),
        )
    };
    ($template:literal; [$($bound:ident)*] $next:expr, $($rest:expr,)*) => {
        match &$next {
            parameter => $crate::__capture_message!($template; [$($bound)* parameter] $($rest,)*),
        }
    };
}

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    use std::fmt::{Arguments, Debug, Display};

    use watchpost_core::{FieldValue, Fields};

    pub use watchpost_core::api::{capture_template, log, logs_are_heard};

    /// Adds the text of a log.
    pub fn message(fields: &mut Fields, text: Arguments<'_>) {
        match text.as_str() {
            Some(text) => fields.push("message", text.into()),
            None => fields.push_debug("message", &text),
        }
    }

    /// The attribute of a parameter: by its name, else by how many were before it.
    pub fn parameter_key(name: Option<&'static str>, position: &mut usize) -> &'static str {
        const NUMBERED: [&str; 12] = [
            "sentry.message.parameter.0",
            "sentry.message.parameter.1",
            "sentry.message.parameter.2",
            "sentry.message.parameter.3",
            "sentry.message.parameter.4",
            "sentry.message.parameter.5",
            "sentry.message.parameter.6",
            "sentry.message.parameter.7",
            "sentry.message.parameter.8",
            "sentry.message.parameter.9",
            "sentry.message.parameter.10",
            "sentry.message.parameter.11",
        ];
        name.unwrap_or_else(|| {
            let key = NUMBERED.get(*position).copied().unwrap_or("sentry.message.parameter.more");
            *position += 1;
            key
        })
    }

    /// An argument of a log. The method `add` of `&&&Argument` is that of the first of these traits that has one for its type.
    #[derive(Debug)]
    pub struct Argument<'a, T: ?Sized>(pub &'a T);

    /// One whose type is kept.
    pub trait Typed {
        /// Adds it.
        fn add(&self, fields: &mut Fields, key: &'static str);
    }

    /// One of any other type that people can read.
    pub trait Printed {
        /// Adds what it prints.
        fn add(&self, fields: &mut Fields, key: &'static str);
    }

    /// One that is only for developers.
    pub trait Shown {
        /// Adds what it shows.
        fn add(&self, fields: &mut Fields, key: &'static str);
    }

    impl<'v, T: Copy> Typed for &&Argument<'v, T>
    where
        FieldValue<'v>: From<T>,
    {
        fn add(&self, fields: &mut Fields, key: &'static str) {
            fields.push(key, FieldValue::from(*self.0));
        }
    }

    impl<T: Display + ?Sized> Printed for &Argument<'_, T> {
        fn add(&self, fields: &mut Fields, key: &'static str) {
            fields.push_debug(key, &format_args!("{}", self.0));
        }
    }

    impl<T: Debug + ?Sized> Shown for Argument<'_, T> {
        fn add(&self, fields: &mut Fields, key: &'static str) {
            fields.push_debug(key, &self.0);
        }
    }

    /// A parameter as the server wants it: text.
    pub fn parameter(value: &impl Display) -> serde_json::Value {
        value.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_are_evaluated_once_and_in_order() {
        let mut calls = Vec::new();
        let mut next = |number: u32| {
            calls.push(number);
            number
        };
        crate::capture_message!("{} of {:>3}", next(1), next(2));
        crate::capture_message!("no parameter");
        assert_eq!(calls, [1, 2]);
    }
}
