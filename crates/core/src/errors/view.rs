//! What an error is to the one who reports it, whatever its type.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug, Display};

/// A tree of more errors than this is cut: an error whose source is itself must not hang the program.
pub(super) const MAX_EXCEPTIONS: usize = 50;

/// What can be captured as an error.
///
/// | | its type, on the issue | its causes |
/// |---|---|---|
/// | any `E: Error + 'static` | the name of `E`, with the variant of an enum | `source()` |
/// | `dyn Error`, `Box<dyn Error>`, with or without `Send + Sync` | what it [prints](Debug) first, if that is a name | `source()` |
/// | `Vec<E>`, `[E]` of such errors | a group of them | each of them |
/// | `anyhow::Error`, `eyre::Report`, `error_stack::Report` | as `dyn Error` | as they have them; and their own backtrace |
///
/// The last row needs the features `anyhow`, `eyre` and `error-stack`. `Kind` tells the rows apart, and is never written.
///
/// Errors are `'static`, as in a `source()`: of one that is not, nobody can tell the type. `&dyn Error` in a signature is written
/// `&(dyn Error + 'static)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be captured as an error",
    note = "what can: a type that implements `Error`, `Box<dyn Error>`, a `Vec` of errors",
    note = "with the features of their names: `anyhow::Error`, `eyre::Report`, `error_stack::Report`"
)]
pub trait AsError<Kind> {
    /// Shows it.
    #[doc(hidden)]
    fn view(&self) -> View<'_>;
}

/// The rows of [`AsError`].
pub mod kind {
    /// A type that implements `Error`.
    #[derive(Debug)]
    pub enum Typed {}
    /// An error whose type was erased.
    #[derive(Debug)]
    pub enum Erased {}
    /// Several errors, each of the kind `K`.
    #[derive(Debug)]
    pub struct Several<K>(std::marker::PhantomData<K>);
    /// A report of `anyhow`, `eyre` or `error-stack`.
    #[derive(Debug)]
    pub enum Report {}
}

/// An error as a tree: what it prints, its type as far as it is known, and its causes.
#[derive(Debug)]
pub struct View<'a> {
    pub(crate) text: Text<'a>,
    /// The name of its type with its path, where it was known.
    pub(crate) type_name: Option<&'static str>,
    pub(crate) causes: Causes<'a>,
    /// Its own backtrace, which is printed only if it is needed: to look up functions takes long.
    pub(crate) backtrace: Option<Printout<'a>>,
}

/// A backtrace that an error carries. On stable Rust it can be had as text alone.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "each is of a report that has a feature")]
pub(crate) enum Printout<'a> {
    Of(&'a Backtrace),
    /// At the end of what a report prints.
    In(&'a dyn Debug),
}

impl Printout<'_> {
    /// It is looked up here, on the caller: it cannot leave the error. `None` if it was not captured.
    pub(crate) fn print(&self) -> Option<String> {
        match self {
            Printout::Of(backtrace) => {
                let captured = backtrace.status() == BacktraceStatus::Captured;
                captured.then(|| backtrace.to_string())
            }
            Printout::In(report) => {
                let printed = format!("{report:?}");
                Some(printed.rsplit_once("\nStack backtrace:\n")?.1.to_owned())
            }
        }
    }
}

/// Where the texts of an error come from.
#[derive(Clone)]
pub(crate) enum Text<'a> {
    Error(&'a (dyn Error + 'static)),
    /// Something that is no error, but prints.
    #[allow(dead_code, reason = "only a report of `error-stack` has such")]
    Printed(&'a dyn Display, &'a dyn Debug),
    Plain(Cow<'a, str>),
}

/// What caused an error.
#[derive(Debug)]
pub(crate) enum Causes<'a> {
    /// Its `source()`, if it has one.
    Source,
    /// One or several at once: it is a group.
    Several(Vec<View<'a>>),
    /// What lay below it in a report.
    #[allow(dead_code, reason = "only a report of `error-stack` has such")]
    Below(Vec<View<'a>>),
}

impl<'a> View<'a> {
    /// Of an error whose type nobody knows any more.
    #[must_use]
    pub fn erased(error: &'a (dyn Error + 'static)) -> Self {
        View { text: Text::Error(error), type_name: None, causes: Causes::Source, backtrace: None }
    }

    /// Of an error with this type.
    #[must_use]
    pub fn typed<E: Error + 'static>(error: &'a E) -> Self {
        View { type_name: Some(std::any::type_name::<E>()), ..View::erased(error) }
    }

    /// Of several errors, as one.
    pub(crate) fn several(message: Option<&'a str>, type_name: &'static str, errors: Vec<View<'a>>) -> Self {
        let message = match (message, errors.len()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, 1) => "1 error".into(),
            (None, count) => format!("{count} errors").into(),
        };
        View {
            text: Text::Plain(message),
            type_name: Some(type_name),
            causes: Causes::Several(errors),
            backtrace: None,
        }
    }

    pub(crate) fn error(&self) -> Option<&'a (dyn Error + 'static)> {
        match self.text {
            Text::Error(error) => Some(error),
            Text::Printed(..) | Text::Plain(_) => None,
        }
    }
}

impl<E: Error + 'static> AsError<kind::Typed> for E {
    #[inline]
    fn view(&self) -> View<'_> {
        View::typed(self)
    }
}

macro_rules! erased {
    ($($ty:ty),*) => {
        $(impl AsError<kind::Erased> for $ty {
            #[inline]
            fn view(&self) -> View<'_> {
                View::erased(self)
            }
        }

        impl AsError<kind::Erased> for Box<$ty> {
            #[inline]
            fn view(&self) -> View<'_> {
                View::erased(&**self)
            }
        })*
    };
}

erased!(dyn Error, dyn Error + Send, dyn Error + Send + Sync);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Error(error) => Display::fmt(error, f),
            Text::Printed(printed, _) => Display::fmt(printed, f),
            Text::Plain(text) => f.write_str(text),
        }
    }
}

impl Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Error(error) => Debug::fmt(error, f),
            Text::Printed(_, printed) => Debug::fmt(printed, f),
            Text::Plain(text) => Debug::fmt(text, f),
        }
    }
}
