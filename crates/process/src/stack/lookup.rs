//! From addresses to the functions that they stand in: one each, or several where calls were inlined.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::with_exposed_provenance_mut;
use std::sync::OnceLock;

use backtrace::Symbol;
use watchpost_protocol::{Addr, Frame};

use super::images::Images;
use super::in_app::InApp;
use super::trim::Role;
use super::{source, symbol, symtab, walk};
use watchpost_core::unharmed;

/// A function at an address: what is remembered of it, which is less than a [`Frame`] has room for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What it is to the one who cuts the stack.
    pub(super) role: Role,
    pub(super) function: Option<String>,
    address: usize,
    module: Option<String>,
    package: Option<String>,
    filename: Option<String>,
    abs_path: Option<String>,
    lineno: Option<u32>,
    colno: Option<u32>,
    in_app: Option<bool>,
}

impl Found {
    pub(super) fn frame(&self) -> Frame {
        Frame {
            function: self.function.clone(),
            module: self.module.clone(),
            package: self.package.clone(),
            filename: self.filename.clone(),
            abs_path: self.abs_path.clone(),
            lineno: self.lineno,
            colno: self.colno,
            in_app: self.in_app,
            // On every platform that has addresses at all they fit.
            instruction_addr: (self.address != 0).then_some(Addr(self.address as u64)),
            ..Frame::default()
        }
    }
}

/// The functions at each of the addresses, innermost first: never none. One without anything but the address stands for what has no name.
pub(super) fn look_up(addresses: &[usize], rules: &InApp, images: &Images) -> Vec<Vec<Found>> {
    let mut places: Vec<Vec<Raw>> = addresses.iter().map(|&address| ask(address)).collect();
    lengthen(addresses, &mut places);
    let crates = CrateNames::of(&places);
    let describe = |(&address, place): (&usize, Vec<Raw>)| {
        if place.is_empty() {
            let role = if images.are_elsewhere(address) { Role::Elsewhere } else { Role::Plain };
            return vec![Found { role, address, ..Found::default() }];
        }
        place.into_iter().map(|raw| describe(address, raw, rules, &crates)).collect()
    };
    addresses.iter().zip(places).map(describe).collect()
}

/// The same of functions that are known by name, and stand at no address.
pub(super) fn describe_all(functions: Vec<Raw>, rules: &InApp) -> Vec<Found> {
    let functions = [functions];
    let crates = CrateNames::of(&functions);
    functions.into_iter().flatten().map(|raw| describe(0, raw, rules, &crates)).collect()
}

/// What debug information or the symbol table say about one function at an address.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) function: Option<String>,
    pub(super) path: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

impl Raw {
    fn of(symbol: &Symbol) -> Raw {
        let function = symbol.name().map(|name| symbol::clean(&format!("{name:#}")));
        Raw {
            function: function.filter(|name| !name.is_empty()),
            path: symbol.filename().map(|path| path.to_string_lossy().into_owned()),
            line: symbol.lineno().filter(|&line| line > 0),
            column: symbol.colno().filter(|&column| column > 0),
        }
    }

    /// A name without a path, though the source is Rust.
    fn is_short(&self) -> bool {
        let rust = self.path.as_deref().is_some_and(|path| path.ends_with(".rs"));
        rust && self.function.as_deref().is_some_and(|name| symbol::crate_of(name).is_none())
    }
}

fn ask(address: usize) -> Vec<Raw> {
    let mut found = Vec::new();
    if walk::is_broken() {
        return found;
    }
    let place = with_exposed_provenance_mut::<c_void>(address);
    let asked = unharmed(|| backtrace::resolve(place, |symbol| found.push(Raw::of(symbol))));
    if asked.is_none() {
        walk::give_up();
        watchpost_core::debug!("looking up a function panicked: there are no stacks from here on");
    }
    found
}

/// Gives full names to the functions that have short ones. Only the outermost at an address has a symbol; the others were inlined in it.
fn lengthen(addresses: &[usize], places: &mut [Vec<Raw>]) {
    let short = |place: &&mut Vec<Raw>| place.last().is_some_and(Raw::is_short);
    let asked: Vec<usize> =
        addresses.iter().zip(&mut *places).filter(|(_, place)| short(place)).map(|(&a, _)| a).collect();
    let outermost = places.iter_mut().filter(short).filter_map(|place| place.last_mut());
    for (raw, name) in outermost.zip(symtab::names(&asked)) {
        // What is no path is no better than what there was.
        if let Some(name) = name.filter(|name| symbol::crate_of(name).is_some()) {
            raw.function = Some(name);
        }
    }
}

/// Which crate lies in which source folder, learnt from the functions of a stack that have full names, for those that have not.
struct CrateNames(Vec<(String, String)>);

impl CrateNames {
    fn of(places: &[Vec<Raw>]) -> Self {
        let mut names = CrateNames(Vec::new());
        for raw in places.iter().flatten() {
            if let (Some(function), Some(path)) = (&raw.function, &raw.path)
                && let (Some(name), Some(folder)) = (symbol::crate_of(function), folder(path))
                && !source::is_foreign(path)
                && names.in_folder(folder).is_none()
            {
                names.0.push((folder.to_owned(), name.to_owned()));
            }
        }
        names
    }

    fn in_folder(&self, folder: &str) -> Option<&String> {
        self.0.iter().find(|(known, _)| known == folder).map(|(_, name)| name)
    }

    fn get(&self, raw: &Raw) -> Option<String> {
        if let Some(name) = raw.function.as_deref().and_then(symbol::crate_of) {
            return Some(name.to_owned());
        }
        let path = raw.path.as_deref().filter(|_| raw.is_short())?;
        source::crate_of(path).or_else(|| self.in_folder(folder(path)?).cloned())
    }
}

fn folder(path: &str) -> Option<&str> {
    path.rfind("/src/").map(|at| &path[..at])
}

fn describe(address: usize, raw: Raw, rules: &InApp, crates: &CrateNames) -> Found {
    let package = crates.get(&raw);
    let role = Role::of(raw.function.as_deref(), package.as_deref(), raw.path.as_deref());
    let Raw { function, path, line, column } = raw;
    Found {
        role,
        module: function.as_deref().and_then(symbol::module_of).map(str::to_owned),
        filename: path.as_deref().map(|path| source::relative(path, started_in())),
        in_app: rules.judge(function.as_deref(), package.as_deref(), path.as_deref()),
        address,
        function,
        package,
        abs_path: path,
        lineno: line,
        colno: column,
    }
}

/// The working directory when the first address was looked up; later changes do not make files move.
fn started_in() -> Option<&'static str> {
    static DIRECTORY: OnceLock<Option<String>> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let directory = std::env::current_dir().ok()?;
        Path::to_str(&directory).map(str::to_owned)
    });
    directory.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_function_is_kept_as_it_is() {
        let found = look_up(&[16], &InApp::default(), &Images::default()).remove(0);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].role, Role::Plain);
        assert_eq!(found[0].frame(), Frame { instruction_addr: Some(Addr(16)), ..Frame::default() });
    }

    #[test]
    fn addresses_of_ours_are_named_and_known_as_ours() {
        let (address, name) = walk::landmark();
        let found = look_up(&[address + 1], &InApp::default(), &Images::default()).remove(0);
        let outermost = found.last().unwrap().frame();
        assert_eq!(outermost.function.as_deref(), Some(name));
        assert_eq!(outermost.package.as_deref(), Some("watchpost_process"));
        assert_eq!(outermost.module.as_deref(), Some("watchpost_process::stack::walk"));
        assert_eq!(outermost.instruction_addr, Some(Addr(address as u64 + 1)));
        for found in &found {
            assert_eq!(found.role, Role::Reporter, "{found:?}");
            assert_eq!(found.in_app, Some(false), "{found:?}");
        }
    }

    #[test]
    fn short_names_take_the_crate_of_their_folder() {
        let raw = |function: &str, path: &str| Raw {
            function: Some(function.into()),
            path: Some(path.into()),
            ..Raw::default()
        };
        let places = [vec![
            raw("price", "/build/shop/src/price.rs"),
            raw("shop::cart::total", "/build/shop/src/cart.rs"),
        ]];
        let crates = CrateNames::of(&places);
        assert_eq!(crates.get(&places[0][0]).as_deref(), Some("shop"));
        assert_eq!(crates.get(&raw("price", "/build/till/src/price.rs")), None);
        assert_eq!(
            crates.get(&raw("unwrap", "/rustc/1/library/core/src/option.rs")).as_deref(),
            Some("core")
        );
        assert_eq!(crates.get(&raw("memcpy", "/build/shop/src/memcpy.c")), None);
    }
}
