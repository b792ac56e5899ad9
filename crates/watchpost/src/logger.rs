//! Structured logs of the program's own.
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
//! The arguments are evaluated, in their order, if any client could hear of them, and printed where the log is said. The rest is the worker's: logs wait for others, a hundred
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

/// Sorts the arguments (the attributes, the template, and the parameters), none of which is evaluated if nobody could hear of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:expr; $template:literal $(, $($parameters:tt)*)?) => {
        if $crate::__private::logs_are_heard() {
            $crate::__log_template!($level; []; $template; [] [] $($($parameters)*)?)
        }
    };
    ($level:expr; $($key:tt = $value:expr),+; $template:literal $(, $($parameters:tt)*)?) => {
        if $crate::__private::logs_are_heard() {
            $crate::__log_attributes!($level; [] [$(($key, $value))+]; $template; $($($parameters)*)?)
        }
    };
    ($level:expr; $key:tt = $($rest:tt)*) => {
        ::std::compile_error!("the attributes of a log end with a semicolon: `info!(shelf = 7; \"{} left\", 2)`")
    };
    ($level:expr; $($other:tt)*) => {
        ::std::compile_error!("a log begins with a template, which is a literal: `info!(\"{} left\", 2)`")
    };
}

/// Binds the attributes one by one, where the log is said: what evaluates them is the program's, and may log, too.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_attributes {
    ($level:expr; $bound:tt []; $template:literal; $($parameters:tt)*) => {
        $crate::__log_template!($level; $bound; $template; [] [] $($parameters)*)
    };
    ($level:expr; [$($bound:tt)*] [($key:tt, $value:expr) $($rest:tt)*]; $template:literal; $($parameters:tt)*) => {
        match &$value {
            attribute => $crate::__log_attributes!(
                $level; [$($bound)* ($key, attribute)] [$($rest)*]; $template; $($parameters)*
            ),
        }
    };
}

/// Binds the parameters in the same way: each `parameter` is a name of its own. The first list is what the
/// template is printed with, the second one what the attributes are.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_template {
    ($level:expr; [$(($key:tt, $attribute:ident))*]; $template:literal; [] []) => {
        $crate::__private::log($level, ::std::option::Option::None, |fields| {
            $($crate::__log_value!(fields, $crate::__log_key!($key), $attribute);)*
            $crate::__private::message(fields, ::std::format_args!($template));
        })
    };
    ($level:expr; [$(($key:tt, $attribute:ident))*]; $template:literal; [$($printed:tt)+] [$(($name:expr, $bound:ident))+]) => {
        $crate::__private::log($level, ::std::option::Option::Some($template), |fields| {
            $($crate::__log_value!(fields, $crate::__log_key!($key), $attribute);)*
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
macro_rules! __log_key {
    ($key:ident) => {
        ::std::stringify!($key)
    };
    ($key:literal) => {
        $key
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

    /// Every form, of which nothing is evaluated: there is no client.
    #[test]
    fn without_a_client_no_argument_is_evaluated() {
        fn unasked<T>() -> T {
            panic!("nobody could hear of it")
        }
        let (left, name, list) = (2, String::from("lamp"), [1, 2]);
        logger::trace!("plain");
        logger::debug!("{left} left, {}%", unasked::<i32>());
        logger::info!("{name} {list:?} {unasked}", name = name, list = list, unasked = unasked::<u8>());
        logger::warn!(name = name, "http.status" = unasked::<u16>(); "answered {}", 1.5f32,);
        logger::warning!(ok = unasked::<bool>(); "{}{}", 'c', std::net::Ipv4Addr::LOCALHOST);
        logger::error!("{0} and again {0}", unasked::<String>());
        logger::fatal!("{{braces}}");
    }
}
