//! What the path of a source file tells: where it lies in its project, and often which crate it belongs to.

use std::borrow::Cow;

/// The folder that a source file came from, and its path from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// `library/core/src/option.rs`.
    Toolchain(&'a str),
    /// `serde_json-1.0.140/src/de.rs`.
    Registry(&'a str),
    /// `crates/cart/src/lib.rs` of some repository.
    Checkout(&'a str),
    /// Anywhere else: most likely the program's own.
    Elsewhere,
}

impl Place<'_> {
    /// `path` has forward slashes. Cargo's home may be anywhere; in containers it is `/usr/local/cargo`.
    fn of(path: &str) -> Place<'_> {
        if let Some(rest) = path.strip_prefix("/rustc/") {
            return Place::Toolchain(after_segments(rest, 1));
        }
        if let Some((_, rest)) = path.split_once("/rustlib/src/rust/") {
            return Place::Toolchain(rest);
        }
        // Further segments name an index, or a checkout and a revision.
        if let Some((_, rest)) = path.split_once("cargo/registry/src/") {
            return Place::Registry(after_segments(rest, 1));
        }
        if let Some((_, rest)) = path.split_once("/registry/src/index.crates.io-") {
            return Place::Registry(after_segments(rest, 1));
        }
        if let Some((_, rest)) = path.split_once("cargo/git/checkouts/") {
            return Place::Checkout(after_segments(rest, 2));
        }
        Place::Elsewhere
    }
}

/// With forward slashes, as all functions here want it.
pub(super) fn normal(path: &str) -> Cow<'_, str> {
    if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) }
}

/// Whether the file came from the toolchain or from one of cargo's folders.
pub(super) fn is_foreign(path: &str) -> bool {
    Place::of(&normal(path)) != Place::Elsewhere
}

/// The crate of a file of the toolchain or of the registry, by its folder: `serde_json` of `serde_json-1.0.140/src/de.rs`.
///
/// Debug information that has only line tables names inlined functions without their path: `unwrap`. Then this is all there is
/// to know them by.
pub(super) fn crate_of(path: &str) -> Option<String> {
    let path = normal(path);
    match Place::of(&path) {
        Place::Toolchain(rest) => rest.strip_prefix("library/")?.split('/').next().map(str::to_owned),
        Place::Registry(rest) => {
            let folder = rest.split('/').next()?;
            let version = folder.match_indices('-').find(|(at, _)| is_version(&folder[at + 1..]))?.0;
            Some(folder[..version].replace('-', "_"))
        }
        Place::Checkout(_) | Place::Elsewhere => None,
    }
}

/// `sha-1-0.10.1` is version 0.10.1 of `sha-1`.
fn is_version(text: &str) -> bool {
    let mut numbers = text.splitn(3, '.');
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u64>().is_ok());
    is_number(numbers.next()) && is_number(numbers.next()) && numbers.next().is_some()
}

/// What is left of a path when the part that depends on the machine is gone: `src/main.rs` of the program's own files,
/// `serde_json-1.0.140/src/de.rs` of a dependency's, `library/core/src/option.rs` of the toolchain's.
///
/// A file below the directory that the program was started in is named from there, which in a workspace keeps the crate's
/// directory; elsewhere the workspace's root is not known any more and the path starts at `src`, `tests`, `examples` or `benches`.
pub(super) fn relative(path: &str, started_in: Option<&str>) -> String {
    relative_part(&normal(path), started_in).to_owned()
}

fn relative_part<'a>(path: &'a str, started_in: Option<&str>) -> &'a str {
    match Place::of(path) {
        Place::Toolchain(rest) | Place::Registry(rest) | Place::Checkout(rest) => return rest,
        Place::Elsewhere => {}
    }
    if let Some(rest) = started_in.and_then(|root| below(path, root)) {
        return rest;
    }
    if !path.starts_with('/') && !path.contains(":/") {
        return path.strip_prefix("./").unwrap_or(path);
    }
    let root = path.rfind("/src/").or_else(|| {
        ["/tests/", "/examples/", "/benches/"].iter().filter_map(|folder| path.rfind(folder)).max()
    });
    let name = root.or_else(|| path.rfind('/'));
    name.map_or(path, |at| &path[at + 1..])
}

fn after_segments(path: &str, segments: usize) -> &str {
    (0..segments).fold(path, |rest, _| rest.split_once('/').map_or(rest, |(_, tail)| tail))
}

/// The root directory is not a project: everything is below it.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let root = normal(root);
    let root = root.trim_end_matches('/');
    if root.is_empty() { None } else { path.strip_prefix(root)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_the_machine() {
        for (path, expected) in [
            ("/home/ann/shop/src/main.rs", "src/main.rs"),
            ("/home/ann/shop/crates/cart/src/lib.rs", "crates/cart/src/lib.rs"),
            ("/build/shop/crates/cart/src/lib.rs", "src/lib.rs"),
            ("/usr/src/app/src/main.rs", "src/main.rs"),
            ("/build/shop/src/tests/cart.rs", "src/tests/cart.rs"),
            ("/build/shop/tests/cart.rs", "tests/cart.rs"),
            ("/build/shop/build.rs", "build.rs"),
            ("/home/ann/shopping/src/main.rs", "src/main.rs"),
            ("crates/cart/src/lib.rs", "crates/cart/src/lib.rs"),
            ("./src/main.rs", "src/main.rs"),
            ("C:\\work\\cart\\src\\lib.rs", "src/lib.rs"),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1/serde_json-1.0.140/src/de.rs",
                "serde_json-1.0.140/src/de.rs",
            ),
            (
                "/usr/local/cargo/git/checkouts/cart-1f2e/ab12cd3/crates/cart/src/lib.rs",
                "crates/cart/src/lib.rs",
            ),
            (
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/option.rs",
                "library/core/src/option.rs",
            ),
            (
                "/home/ann/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/option.rs",
                "library/core/src/option.rs",
            ),
            ("main.rs", "main.rs"),
            ("", ""),
        ] {
            assert_eq!(relative(path, Some("/home/ann/shop")), expected, "{path}");
        }
    }

    #[test]
    fn a_program_started_at_the_root_of_the_disk_is_in_no_project() {
        for started_in in [Some("/"), Some(""), None] {
            assert_eq!(relative("/build/shop/src/main.rs", started_in), "src/main.rs");
        }
    }

    #[test]
    fn folders_name_crates() {
        for (path, expected) in [
            ("/rustc/5980761/library/core/src/option.rs", Some("core")),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1/serde_json-1.0.140/src/de.rs",
                Some("serde_json"),
            ),
            (
                "/home/ann/.cargo/registry/src/index.crates.io-1/tracing-core-0.1.33/src/event.rs",
                Some("tracing_core"),
            ),
            ("/opt/registry/src/index.crates.io-1/sha-1-0.10.1/src/lib.rs", Some("sha_1")),
            ("C:\\Users\\ann\\.cargo\\registry\\src\\x-1\\h2-0.4.0-rc.1\\src\\lib.rs", Some("h2")),
            ("/usr/local/cargo/git/checkouts/cart-1f2e/ab12cd3/src/lib.rs", None),
            ("/build/shop/src/main.rs", None),
            ("/rust/deps/gimli-0.32.3/src/lib.rs", None),
            ("", None),
        ] {
            assert_eq!(crate_of(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn only_the_toolchain_and_cargo_are_foreign() {
        assert!(is_foreign("/usr/local/cargo/git/checkouts/pretty-1/ab/src/lib.rs"));
        assert!(is_foreign("/rustc/5980761/library/core/src/option.rs"));
        assert!(!is_foreign("/home/ann/rustc/library/core/src/main.rs"));
        assert!(!is_foreign("/home/ann/registry/src/main.rs"));
    }
}
