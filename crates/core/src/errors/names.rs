//! What an error is called: the name of its type, as short as it still says something.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use watchpost_protocol::Exception;

use super::view::View;

/// What an error is called whose type nobody knows: `anyhow!("…")`, a boxed text, a wrapper that was erased.
pub(super) const UNNAMED: &str = "Error";

/// Whether nobody knows the type of an error: one that is only called so has a module, and of that the last part in its name.
pub(crate) fn is_unnamed(exception: &Exception) -> bool {
    exception.module.is_none() && exception.ty.as_deref() == Some(UNNAMED)
}

/// A type's path and name, as they stand on an exception.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TypeName {
    pub(crate) module: Option<String>,
    /// `None`: nobody knows. Of an enum it is without the variant.
    pub(crate) name: Option<String>,
    /// The variant of an enum, if its type was known.
    pub(crate) variant: Option<String>,
}

impl TypeName {
    /// Of an error: its type where that is known, as of those that everybody meets, with the variant that it prints first; else what it prints
    /// first, whatever that is.
    pub(crate) fn of(view: &View<'_>, leading: &Leading) -> Self {
        match view.type_name.or_else(|| well_known(view.error()?)) {
            Some(full) => {
                TypeName { variant: variant(full, leading).map(str::to_owned), ..TypeName::of_full(full) }
            }
            None => TypeName { module: None, name: leading.name().map(str::to_owned), variant: None },
        }
    }

    /// Of a type known by its full name, `shop::cart::Declined<alloc::string::String>`: `Declined<String>` in `shop::cart`.
    fn of_full(full: &str) -> Self {
        let module = head(full).rsplit_once("::").map(|(module, _)| module.to_owned());
        TypeName { name: Some(short_name(full)), module, variant: None }
    }

    /// What the server is told: `Payment::Declined` of an enum, because its variants are different errors, which come out of the same function
    /// as often as not.
    pub(crate) fn told(self) -> Option<String> {
        Some(match (self.name?, self.variant) {
            (name, Some(variant)) => format!("{name}::{variant}"),
            (name, None) => name,
        })
    }
}

/// A full name without its parameters.
fn head(full: &str) -> &str {
    full.split('<').next().unwrap_or(full)
}

/// Those who print of what they are made, and are no enums.
const STRUCTS: [&str; 2] = ["std::io::error::Error", "clap_builder::error::Error"];

/// The variant of an enum, which a derived `Debug` prints in place of the enum's own name; a struct prints its own, also in a `Box`. Of what it
/// holds nothing is read: that may be long, or a secret.
fn variant<'l>(full: &str, leading: &'l Leading) -> Option<&'l str> {
    let printed = leading.name().filter(|_| !STRUCTS.contains(&head(full)))?;
    let mut types = full.split(|char| !is_name_char(char)).filter_map(|path| path.rsplit("::").next());
    match printed.rsplit_once("::") {
        Some((path, variant)) => (types.next() == path.rsplit("::").next()).then_some(variant),
        None => types.all(|ty| ty != printed).then_some(printed),
    }
}

/// The name of a type and that of the variant behind it, as they stand on an exception; `io::Error` is a type as a whole.
pub(super) fn parts(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once("::") {
        Some((ty, variant)) if variant != UNNAMED && variant.chars().all(is_name_char) => (ty, Some(variant)),
        _ => (name, None),
    }
}

/// A type's name without the paths, also inside its parameters. A name that says nothing, as `Error`, has one part more: `io::Error`.
fn short_name(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    for part in full.split_inclusive(|char: char| !(char.is_alphanumeric() || char == '_' || char == ':')) {
        let (path, name) = part.rsplit_once("::").unwrap_or(("", part));
        let says_nothing = name.trim_end_matches(|char: char| !char.is_alphanumeric()) == "Error";
        if says_nothing && let Some(owner) = owner(path) {
            short.push_str(owner);
            short.push_str("::");
        }
        short.push_str(name);
    }
    short
}

/// The last part of a path that is not itself called after errors: `io` of `std::io::error`, `serde_json` of `serde_json::error`.
fn owner(path: &str) -> Option<&str> {
    path.rsplit("::").find(|part| !part.is_empty() && !matches!(*part, "error" | "errors" | "err"))
}

/// The full name of an error that prints nothing by which it could be known, though everybody has it.
fn well_known(error: &(dyn Error + 'static)) -> Option<&'static str> {
    macro_rules! known {
        ($($ty:ty),* $(,)?) => {
            $(if error.is::<$ty>() {
                return Some(std::any::type_name::<$ty>());
            })*
        };
    }
    known!(
        std::io::Error,
        serde_json::Error,
        std::fmt::Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::env::VarError,
        std::time::SystemTimeError,
        std::sync::mpsc::RecvError,
        std::sync::mpsc::TryRecvError,
        std::sync::mpsc::RecvTimeoutError,
    );
    None
}

/// The beginning of what a `Debug` prints. The rest is never made: it may be long, or a backtrace that has to be looked up.
pub(crate) struct Leading {
    text: [u8; Leading::ROOM],
    length: usize,
}

impl Leading {
    const ROOM: usize = 96;

    pub(crate) fn of(text: &dyn Debug) -> Self {
        let mut leading = Leading { text: [0; Leading::ROOM], length: 0 };
        let _ = write!(leading, "{text:?}"); // it ends with an error as soon as enough is known
        leading
    }

    fn text(&self) -> &str {
        let text = &self.text[..self.length];
        std::str::from_utf8(text)
            .unwrap_or_else(|error| std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default())
    }

    /// The name with which a derived `Debug` begins: the struct, or the variant of the enum. An error that prints something else has none.
    pub(crate) fn name(&self) -> Option<&str> {
        let text = self.text();
        let end = text.find(|char: char| !is_name_char(char)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let is_name = name.rsplit("::").next()?.starts_with(|char: char| char.is_ascii_uppercase());
        let ends = rest.is_empty() || rest.trim_start().starts_with(['{', '(']);
        (is_name && ends && name != UNNAMED).then_some(name)
    }
}

fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | ':')
}

impl Write for Leading {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = Leading::ROOM - self.length;
        let taken = part.len().min(room);
        self.text[self.length..self.length + taken].copy_from_slice(&part.as_bytes()[..taken]);
        self.length += taken;
        let decided = self.text().trim_end().contains(|char: char| !is_name_char(char) && char != ' ');
        if taken < part.len() || decided { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erased(error: &(dyn Error + 'static)) -> Option<String> {
        TypeName::of(&View::erased(error), &Leading::of(error)).told()
    }

    #[test]
    fn a_name_is_as_short_as_it_still_says_something() {
        for (full, name, module) in [
            ("shop::cart::Declined<alloc::string::String>", "Declined<String>", Some("shop::cart")),
            ("std::io::error::Error", "io::Error", Some("std::io::error")),
            ("serde_json::error::Error", "serde_json::Error", Some("serde_json::error")),
            ("core::fmt::Error", "fmt::Error", Some("core::fmt")),
            ("shop::Error", "shop::Error", Some("shop")),
            ("shop::Retried<std::io::error::Error>", "Retried<io::Error>", Some("shop")),
            ("ErrorGroup", "ErrorGroup", None),
            ("Error", "Error", None),
        ] {
            let found = TypeName::of_full(full);
            assert_eq!((found.name.as_deref(), found.module.as_deref()), (Some(name), module), "{full}");
        }
    }

    #[test]
    fn errors_that_everybody_meets_are_known_though_they_were_erased() {
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(erased(&io).as_deref(), Some("io::Error"));
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        assert_eq!(erased(&json).as_deref(), Some("serde_json::Error"));
        assert_eq!(erased(&std::env::VarError::NotPresent).as_deref(), Some("VarError::NotPresent"));
    }

    struct Prints(&'static str);
    impl Debug for Prints {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn an_enum_prints_its_variant_and_a_struct_itself() {
        for (full, printed, variant_of) in [
            ("shop::Payment", "Declined", Some("Declined")),
            ("shop::Payment<alloc::string::String>", "Declined { card: \"4111\" }", Some("Declined")),
            ("shop::Error", "Declined(\"4111\")", Some("Declined")),
            ("tokio::runtime::task::error::JoinError", "JoinError::Cancelled(Id(1))", Some("Cancelled")),
            ("shop::Declined", "Declined { code: 1 }", None),
            ("alloc::sync::Arc<shop::Declined>", "Declined { code: 1 }", None),
            ("alloc::sync::Arc<shop::Payment>", "Declined", Some("Declined")),
            ("shop::Payment", "the card 4111 was declined", None),
            ("reqwest::error::Error", "reqwest::Error { kind: Request }", None),
            ("serde_json::error::Error", "Error(\"x\", line: 1)", None),
            ("std::io::error::Error", "Custom { kind: Other, error: \"x\" }", None),
            ("clap_builder::error::Error<F>", "ErrorInner { kind: DisplayHelp }", None),
        ] {
            assert_eq!(variant(full, &Leading::of(&Prints(printed))), variant_of, "{full} {printed}");
        }
    }

    #[test]
    fn a_name_comes_apart_as_it_was_put_together() {
        for (name, split) in [
            ("Payment::Declined", ("Payment", Some("Declined"))),
            ("Payment<io::Error>::Declined", ("Payment<io::Error>", Some("Declined"))),
            ("shop::Error::Declined", ("shop::Error", Some("Declined"))),
            ("shop::Error", ("shop::Error", None)),
            ("Retried<io::Error>", ("Retried<io::Error>", None)),
            ("Declined", ("Declined", None)),
        ] {
            assert_eq!(parts(name), split);
        }
    }

    #[test]
    fn others_are_named_by_what_they_print_first() {
        for (printed, name) in [
            ("Declined", Some("Declined")),
            ("Declined { code: 1 }", Some("Declined")),
            ("JoinError::Cancelled(Id(1))", Some("JoinError::Cancelled")),
            ("reqwest::Error { kind: Request }", Some("reqwest::Error")),
            ("Error { context: \"x\" }", None),
            ("\"only text\"", None),
            ("Only text", None),
            ("declined", None),
            ("", None),
        ] {
            assert_eq!(Leading::of(&Prints(printed)).name(), name, "{printed}");
        }
    }

    #[test]
    fn no_more_is_printed_than_is_needed() {
        struct Endless(std::cell::Cell<u32>);
        impl Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    self.0.set(self.0.get() + 1);
                    f.write_str("Name")?;
                }
            }
        }
        let endless = Endless(Default::default());
        Leading::of(&endless);
        assert!(endless.0.get() < 100);
    }
}
