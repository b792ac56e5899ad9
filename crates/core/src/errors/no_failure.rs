//! What comes as an error or as a panic and is no failure: somebody has turned away, or got what was asked for (features B01).

use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::io::{self, ErrorKind};

use watchpost_protocol::Exception;

use super::view::{MAX_EXCEPTIONS, View};

/// Whether an error says that it is none: a task of tokio's that was cancelled, or the help and the version of a program, which clap has for
/// errors. Their types are not known here, but their names, and what they print first.
pub(super) fn is_said_by(view: &View<'_>, name: &str) -> bool {
    match name {
        "JoinError" | "JoinError::Cancelled" => begins(&view.text, "JoinError::Cancelled"),
        "clap_builder::Error" | "ErrorInner" => ["DisplayHelp", "DisplayVersion"]
            .iter()
            .any(|kind| begins(&view.text, &format!("ErrorInner {{ kind: {kind},"))),
        _ => false,
    }
}

/// Whether a panic is `println!`'s, of whose output nobody has read the end: `shop | head`.
pub(crate) fn is_a_closed_pipe(exception: &Exception) -> bool {
    let text = exception.value.as_deref().filter(|_| exception.ty.as_deref() == Some("panic"));
    let number = if cfg!(windows) { "(os error 232)" } else { "(os error 32)" };
    text.is_some_and(|text| text.starts_with("failed printing to std") && text.ends_with(number))
}

/// The same as an error, which is one of the program's only where it is known that it wrote to its own output.
pub(crate) fn has_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    for _ in 0..MAX_EXCEPTIONS {
        let Some(error) = next else { return false };
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether something begins so when it is printed; the rest is never made.
fn begins(text: &dyn Debug, expected: &str) -> bool {
    let mut begins = Begins(expected);
    let _ = write!(begins, "{text:?}"); // it ends with an error as soon as it is known
    begins.0.is_empty()
}

struct Begins<'e>(&'e str);

impl Write for Begins<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        match self.0.strip_prefix(part) {
            Some(rest) if !rest.is_empty() => self.0 = rest,
            rest => {
                if rest.is_some() || part.starts_with(self.0) {
                    self.0 = "";
                }
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints itself in parts.
    struct Parts(&'static [&'static str]);

    impl Debug for Parts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|part| f.write_str(part))
        }
    }

    #[test]
    fn a_beginning_is_known_in_whatever_parts_it_is_printed() {
        for parts in [&["ab", "cd"][..], &["abcd"], &["a", "bcde", "f"], &["abc", "", "d"]] {
            assert!(begins(&Parts(parts), "abcd"), "{parts:?}");
        }
        for parts in [&["ab"][..], &["ab", "d"], &["x", "abcd"], &[]] {
            assert!(!begins(&Parts(parts), "abcd"), "{parts:?}");
        }
    }

    #[test]
    fn a_pipe_that_was_closed_is_known_by_what_println_says() {
        let panic = |value: &str| Exception {
            ty: Some("panic".into()),
            value: Some(value.into()),
            ..Exception::default()
        };
        let number = if cfg!(windows) { 232 } else { 32 };
        let text = format!("failed printing to stdout: Broken pipe (os error {number})");
        assert!(is_a_closed_pipe(&panic(&text)));
        assert!(!is_a_closed_pipe(&Exception { ty: Some("Error".into()), ..panic(&text) }));
        assert!(!is_a_closed_pipe(&panic(
            "failed printing to stdout: No space left on device (os error 28)"
        )));
        assert!(!is_a_closed_pipe(&panic("the till is empty")));
    }
}
