//! Reading the small text files in which Linux says what the machine is. Other systems have none of them, and nothing is found.

use std::fs::{self, File};
use std::io::Read;

/// No file here is longer, but for `/proc/cpuinfo`, whose first entry is enough.
const LONGEST: u64 = 16_384;

/// The beginning of a file, or nothing: what cannot be read is not known.
pub(super) fn text(path: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}

/// A file that is one line.
pub(super) fn line(path: &str) -> Option<String> {
    known(text(path).trim())
}

/// The value of `key` in lines like `MemTotal:  16314632 kB`.
pub(super) fn entry<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    values.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next()
}

/// The value of `key` in lines like `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"` (os-release(5)).
pub(super) fn assignment(text: &str, key: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.trim().split_once('='));
    let value = values.filter(|(name, _)| *name == key).map(|(_, value)| value).next()?;
    let quoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
    known(&unescaped(quoted.unwrap_or(value)))
}

/// Of `MemTotal`: the machine's memory in bytes.
pub(super) fn memory(meminfo: &str) -> Option<u64> {
    let kilobytes = entry(meminfo, "MemTotal")?.strip_suffix("kB")?;
    kilobytes.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The system's release, in `/etc` or where it came from.
pub(super) fn os_release() -> String {
    let own = text("/etc/os-release");
    if own.is_empty() && fs::exists("/usr/lib/os-release").unwrap_or(false) {
        return text("/usr/lib/os-release");
    }
    own
}

fn known(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        let text = "# from the distribution\nID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian \\\"GNU\\\"/Linux\"\nNAME='x y'\nEMPTY=\"\"\n";
        for (key, expected) in [
            ("ID", Some("debian")),
            ("VERSION_ID", Some("13")),
            ("PRETTY_NAME", Some("Debian \"GNU\"/Linux")),
            ("NAME", Some("x y")),
            ("EMPTY", None),
            ("VERSION", None),
        ] {
            assert_eq!(assignment(text, key).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(memory("MemTotal:       16314632 kB\nMemFree:   1 kB\n"), Some(16_314_632 * 1_024));
        for odd in
            ["", "MemTotal:", "MemTotal: many kB", "MemTotal: 1 MB", "MemTotal: 18446744073709551615 kB"]
        {
            assert_eq!(memory(odd), None, "{odd}");
        }
    }

    #[test]
    fn entries_are_found_by_their_whole_name() {
        let text = "processor\t: 0\nmodel\t\t: 106\nmodel name\t: Fast CPU @ 3:2\n";
        assert_eq!(entry(text, "model name"), Some("Fast CPU @ 3:2"));
        assert_eq!(entry(text, "name"), None);
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!(text("/nowhere/at/all"), "");
        assert_eq!(line("/nowhere/at/all"), None);
        assert_eq!(text("/"), "");
    }
}
