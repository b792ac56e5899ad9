//! Full names from the executable's own symbol table.
//!
//! Debug information that has only line tables (`debug = "line-tables-only"`, `debug = 1`) names functions without their path:
//! `total`. The symbol table has `shop::cart::total`, but `backtrace` does not ask it when there is debug information.
//!
//! Nothing is kept: the table is read once for all addresses that a stack needs, and only then. Only ELF has the sizes that
//! tell which function an address is in; elsewhere short names stay short.

use std::fs::File;
use std::path::PathBuf;

use backtrace::SymbolName;
use object::read::elf::NativeElfFile;
use object::{Object, ObjectSymbol, ReadCache, SymbolKind};

use super::{symbol, walk};

/// The clean names of the functions that these return addresses are in, in the same order.
pub(super) fn names(addresses: &[usize]) -> Vec<Option<String>> {
    let nothing = vec![None; addresses.len()];
    if addresses.is_empty() { nothing } else { read(addresses).unwrap_or(nothing) }
}

fn read(addresses: &[usize]) -> Option<Vec<Option<String>>> {
    let cache = ReadCache::new(File::open(executable()?).ok()?);
    let file = NativeElfFile::parse(&cache).ok()?;
    let functions: Vec<_> = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text).collect();

    // Where the executable was loaded: a function whose address is known, against what the table says of it.
    let (known, name) = walk::landmark();
    let landmarks =
        functions.iter().filter(|function| function.name_bytes().is_ok_and(|raw| is_called(raw, name)));
    let offsets = landmarks.map(|function| (known as u64).wrapping_sub(function.address()));
    let mut offsets = offsets.filter(|offset| offset % PAGE == 0);
    let offset = offsets.next().filter(|_| offsets.next().is_none())?;

    let place = |address: &usize| (*address as u64).wrapping_sub(offset).wrapping_sub(1);
    let places: Vec<u64> = addresses.iter().map(place).collect();
    let mut names = vec![None; addresses.len()];
    for function in &functions {
        let holds = |place: &u64| place.wrapping_sub(function.address()) < function.size();
        for (place, name) in places.iter().zip(&mut names) {
            if holds(place)
                && let Ok(raw) = function.name_bytes()
            {
                *name = Some(clean_name(raw));
            }
        }
    }
    Some(names)
}

/// Executables are loaded at whole pages. The landmark is told by its name: another function of that name (another version of
/// this crate) is unlikely to lie the same distance from a page; if it does, nothing is said.
const PAGE: u64 = 4_096;

/// The link in `/proc` works also when a new release has taken the place of the running one.
fn executable() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

/// Demangling costs microseconds, and there may be 100,000 symbols: only those that end like the name are demangled. Either mangling
/// writes the segments of a path as they are, and only a hash or an instantiating crate after the last one.
fn is_called(raw: &[u8], name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name).as_bytes();
    let tail = &raw[raw.len().saturating_sub(last.len() + LONGEST_TAIL)..];
    tail.windows(last.len()).any(|part| part == last) && clean_name(raw) == name
}

/// `17h0123456789abcdefE` and a suffix of the linker's.
const LONGEST_TAIL: usize = 64;

fn clean_name(raw: &[u8]) -> String {
    symbol::clean(&format!("{:#}", SymbolName::new(raw)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn knows_the_functions_of_the_executable() {
        let (address, name) = walk::landmark();
        // A return address lies behind the call, so the start of a function still belongs to the one before it.
        let found = names(&[address + 1, address, 16]);
        assert_eq!(found[0].as_deref(), Some(name));
        assert_ne!(found[1].as_deref(), Some(name));
        assert_eq!(found[2], None);
    }

    #[test]
    fn asks_nothing_for_nothing() {
        assert!(names(&[]).is_empty());
    }
}
