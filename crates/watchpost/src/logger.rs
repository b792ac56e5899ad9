//! Structured logs of the program's own (features L01 to L06).
//!
//! ```
//! use watchpost::logger;
//!
//! let (sku, left) = ("lamp", 2);
//! logger::info!("the shop is open");
//! logger::warn!("stock low for {sku}: {left}", sku = sku, left = left);
//! logger::error!(shelf = 7, "db.table" = "stock"; "{} of {} rows were lost", 3, 10);
//! ```
//!
//! Each is sent with its text, its level and its template; what is given *after* the template is a parameter of it, and an attribute
//! `sentry.message.parameter.…` by name or number; what stands *before* it, closed by a semicolon, is an attribute under its own name.
//! Booleans, numbers and text keep their types, and anything else is what it prints. What a template takes from around it (`{sku}` without
//! `sku = sku`) is in the text alone.
//!
//! The arguments are evaluated if any client could hear of them, and printed where the log is said. The rest is the worker's: logs wait for others, a hundred
//! or five seconds, and are sent with the attributes of the scopes, the trace, and the span that they were said in. They are no breadcrumbs and no issues.

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_fatal as fatal, __log_info as info,
    __log_trace as trace, __log_warn as warn, __log_warn as warning,
};

/// Logs what happens step by step; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Trace; $($arguments)+)
    };
}

/// Logs what a developer wants to know; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Debug; $($arguments)+)
    };
}

/// Logs what goes as expected; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Info; $($arguments)+)
    };
}

/// Logs what does not go as expected, and was handled; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Warn; $($arguments)+)
    };
}

/// Logs what failed; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Error; $($arguments)+)
    };
}

/// Logs what the program cannot go on after; see [`logger`](crate::logger).
#[doc(hidden)]
#[macro_export]
macro_rules! __log_fatal {
    ($($arguments:tt)+) => {
        $crate::__log!($crate::LogLevel::Fatal; $($arguments)+)
    };
}

/// Sorts the arguments: the attributes, the template, and the parameters.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:expr; $template:literal $(, $($parameters:tt)*)?) => {
        $crate::__log_template!($level; []; $template; [] [] $($($parameters)*)?)
    };
    ($level:expr; $($key:tt = $value:expr),+; $template:literal $(, $($parameters:tt)*)?) => {
        $crate::__log_template!($level; [$($key = $value,)+]; $template; [] [] $($($parameters)*)?)
    };
}

/// Binds the parameters one by one, so that each is evaluated once: each `parameter` is a name of its own. The first list is what the
/// template is printed with, the second one what the attributes are.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_template {
    ($level:expr; [$($key:tt = $value:expr,)*]; $template:literal; [] []) => {
        $crate::__private::log($level, ::std::option::Option::None, |fields| {
            $($crate::__log_attribute!(fields, $key, $value);)*
            $crate::__private::message(fields, ::std::format_args!($template));
        })
    };
    ($level:expr; [$($key:tt = $value:expr,)*]; $template:literal; [$($printed:tt)+] [$(($name:expr, $bound:ident))+]) => {
        $crate::__private::log($level, ::std::option::Option::Some($template), |fields| {
            $($crate::__log_attribute!(fields, $key, $value);)*
            let mut position = 0;
            $($crate::__log_value!(fields, $crate::__private::parameter_key($name, &mut position), $bound);)+
            let _ = position;
            $crate::__private::message(fields, ::std::format_args!($template, $($printed)+));
        })
    };
    ($level:expr; $attributes:tt; $template:literal; [$($printed:tt)*] [$($bound:tt)*] $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            parameter => $crate::__log_template!(
                $level; $attributes; $template; [$($printed)* $name = parameter,]
                [$($bound)* (::std::option::Option::Some(::std::concat!("sentry.message.parameter.", ::std::stringify!($name))), parameter)]
                $($($rest)*)?
            ),
        }
    };
    ($level:expr; $attributes:tt; $template:literal; [$($printed:tt)*] [$($bound:tt)*] $value:expr $(, $($rest:tt)*)?) => {
        match &$value {
            parameter => $crate::__log_template!(
                $level; $attributes; $template; [$($printed)* parameter,]
                [$($bound)* (::std::option::Option::None, parameter)] $($($rest)*)?
            ),
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_attribute {
    ($fields:ident, $key:ident, $value:expr) => {
        match &$value {
            value => $crate::__log_value!($fields, ::std::stringify!($key), value),
        }
    };
    ($fields:ident, $key:literal, $value:expr) => {
        match &$value {
            value => $crate::__log_value!($fields, $key, value),
        }
    };
}

/// Adds a value by its type if it is one of those that have one, else by what it prints.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_value {
    ($fields:ident, $key:expr, $value:ident) => {{
        #[allow(unused_imports)]
        use $crate::__private::{Printed as _, Shown as _, Typed as _};
        (&&&$crate::__private::Argument($value)).add($fields, $key);
    }};
}

#[cfg(test)]
mod tests {
    use super::super::logger;

    /// Without a client nothing is evaluated twice, and everything compiles that should.
    #[test]
    fn every_form_compiles() {
        let (left, name, list) = (2, String::from("lamp"), [1, 2]);
        logger::trace!("plain");
        logger::debug!("{left} left, {}%", 50);
        logger::info!("{name} {list:?}", name = name, list = list);
        logger::warn!(name = name, "http.status" = 503u16; "answered {}", 1.5f32,);
        logger::warning!(ok = true; "{}{}", 'c', std::net::Ipv4Addr::LOCALHOST);
        logger::error!("{0} and again {0}", &*name);
        logger::fatal!("{{braces}}");
    }
}
