//! Macros: what needs the caller's crate or its format string.

/// The release of your crate, as `name@version`; for [`Options::release`](crate::Options::release) (features I06).
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

/// Captures a message made from a template and its parameters, which come after it: two messages of one template are one issue
/// (features E07). Returns what [`capture_message`](crate::capture_message()) does.
///
/// ```
/// let order = 42;
/// watchpost::capture_message!("order {} was not paid", order);
/// ```
#[macro_export]
macro_rules! capture_message {
    ($template:literal $(, $parameter:expr)* $(,)?) => {
        $crate::__private::capture_template(
            $template,
            &::std::format!($template $(, $parameter)*),
            ::std::vec![$($crate::__private::parameter(&$parameter)),*],
        )
    };
}

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    use std::fmt::Display;

    pub use watchpost_core::api::capture_template;

    /// A parameter as the server wants it: text.
    pub fn parameter(value: &impl Display) -> serde_json::Value {
        value.to_string().into()
    }
}
