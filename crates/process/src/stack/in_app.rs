//! Which frames are the program's own.

use super::source::is_foreign;
use super::symbol::{crate_of, owner, starts_with_path};

/// Tells the program's own frames from those of its libraries.
///
/// The first rule that knows decides:
///
/// 1. what the program includes, 2. what it excludes, 3. crates that no program means when it says "my code" (`std`, `tokio`,
///    `axum`, this one…), 4. where the source lies (the toolchain, cargo's registry and git checkouts), 5. otherwise it is the
///    program's own.
///
/// Entries are crates or modules, compared by whole segments: `shop` means `shop::cart`, not `shopping::cart`. A dash is read as
/// an underscore. A method belongs to its type, a closure to the function it stands in.
///
/// Not done: vendored dependencies cannot be told from the program's own crates. Exclude them.
///
/// ```
/// # mod watchpost { pub use watchpost_process as process; }
/// use watchpost::process::InApp;
///
/// let rules = InApp::new(vec!["plugin-api".into()], vec!["shop::generated".into()]);
/// assert_eq!(rules.is_in_app(Some("shop::main"), None), Some(true));
/// assert_eq!(rules.is_in_app(Some("shop::generated::pb::decode"), None), Some(false));
/// assert_eq!(rules.is_in_app(Some("<plugin_api::Host as core::fmt::Debug>::fmt"), None), Some(true));
/// assert_eq!(rules.is_in_app(Some("tokio::runtime::park::park"), None), Some(false));
/// assert_eq!(rules.is_in_app(None, None), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct InApp {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl InApp {
    /// Rules with what the program includes and excludes; both are empty by default.
    #[must_use]
    pub fn new(include: Vec<String>, exclude: Vec<String>) -> Self {
        InApp { include: normalized(include), exclude: normalized(exclude) }
    }

    /// Whether a function is the program's own, by its clean name and the path of its source. `None` if neither is known: the
    /// server then decides by its own rules.
    #[must_use]
    pub fn is_in_app(&self, function: Option<&str>, path: Option<&str>) -> Option<bool> {
        self.judge(function, function.and_then(crate_of), path)
    }

    /// As [`is_in_app`](Self::is_in_app), where the crate is known by other means than the function's name.
    pub(super) fn judge(
        &self,
        function: Option<&str>,
        package: Option<&str>,
        path: Option<&str>,
    ) -> Option<bool> {
        let Some(function) = function else {
            return path.map(|path| !is_foreign(path));
        };
        let owner = match package {
            Some(name) if crate_of(function).is_none() => name,
            _ => owner(function),
        };
        let lists = |list: &[String]| list.iter().any(|entry| starts_with_path(owner, entry));
        if lists(&self.include) {
            return Some(true);
        }
        if lists(&self.exclude) {
            return Some(false);
        }
        let foreign_source = path.is_some_and(is_foreign);
        Some(match package {
            Some(name) => !is_foreign_crate(name) && !foreign_source,
            // A C function, unless the source says that it is Rust under a C name.
            None => path.is_some_and(|path| path.ends_with(".rs")) && !foreign_source,
        })
    }
}

fn normalized(entries: Vec<String>) -> Vec<String> {
    let entries = entries.into_iter().map(|entry| entry.trim().trim_end_matches("::").replace('-', "_"));
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// The crates of Watchpost. Named one by one: a program whose crate is called `watchpost_demo` is a program.
pub(crate) const REPORTER: &[&str] = &[
    "watchpost",
    "watchpost_core",
    "watchpost_log",
    "watchpost_process",
    "watchpost_profiling",
    "watchpost_protocol",
    "watchpost_testkit",
    "watchpost_tower",
    "watchpost_tracing",
    "watchpost_transport",
];

/// Crates that are never the program. Only whole names, no families: `tower_defense` and `axum_hello` are programs.
const FOREIGN: &[&str] = &[
    "__rustc",
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_service",
    "actix_web",
    "addr2line",
    "alloc",
    "anyhow",
    "async_executor",
    "async_io",
    "async_std",
    "async_task",
    "axum",
    "axum_core",
    "axum_extra",
    "axum_server",
    "backtrace",
    "bytes",
    "color_eyre",
    "compiler_builtins",
    "core",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "crossbeam_utils",
    "diesel",
    "env_logger",
    "eyre",
    "fern",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_io",
    "futures_lite",
    "futures_sink",
    "futures_task",
    "futures_util",
    "gimli",
    "h2",
    "h3",
    "hashbrown",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    "hyper_rustls",
    "hyper_tls",
    "hyper_util",
    "log",
    "miette",
    "mio",
    "native_tls",
    "object",
    "once_cell",
    "openssl",
    "panic_abort",
    "panic_unwind",
    "parking_lot",
    "parking_lot_core",
    "polling",
    "proc_macro",
    "quinn",
    "rayon",
    "rayon_core",
    "reqwest",
    "rustc_demangle",
    "rustls",
    "sea_orm",
    "serde",
    "serde_core",
    "serde_json",
    "slog",
    "smol",
    "snafu",
    "sqlx",
    "sqlx_core",
    "sqlx_mysql",
    "sqlx_postgres",
    "sqlx_sqlite",
    "std",
    "test",
    "thiserror",
    "tokio",
    "tokio_native_tls",
    "tokio_rustls",
    "tokio_stream",
    "tokio_util",
    "tonic",
    "tower",
    "tower_http",
    "tower_layer",
    "tower_service",
    "tracing",
    "tracing_appender",
    "tracing_core",
    "tracing_error",
    "tracing_futures",
    "tracing_log",
    "tracing_opentelemetry",
    "tracing_subscriber",
    "ureq",
    "warp",
];

fn is_foreign_crate(name: &str) -> bool {
    // `___rust_…` and the like are made by the compiler.
    FOREIGN.binary_search(&name).is_ok() || REPORTER.contains(&name) || name.starts_with("___rust")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(FOREIGN.is_sorted());
    }

    #[test]
    fn built_in_rules() {
        let rules = InApp::default();
        for (function, path, expected) in [
            ("shop::main", None, true),
            ("shop::main::{{closure}}", None, true),
            ("<shop::Cart as core::fmt::Debug>::fmt", None, true),
            ("shopping::cart", None, true),
            ("tower_defense::play", None, true),
            ("axum_hello::main", None, true),
            ("watchpost_demo::main", None, true),
            ("watchpost_core::api::capture", None, false),
            ("std::thread::spawn", None, false),
            ("core::ops::function::FnOnce::call_once", None, false),
            ("<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once", None, false),
            ("tokio::runtime::task::raw::poll", None, false),
            ("tracing::span::Span::in_scope", None, false),
            ("<tower_http::trace::Trace as tower_service::Service>::call", None, false),
            ("__rustc::rust_begin_unwind", None, false),
            ("__rust_try", None, false),
            ("_start", None, false),
            ("main", None, false),
            ("clone3", None, false),
            ("callback_from_c", Some("/build/shop/src/ffi.rs"), true),
            ("memcpy", Some("../sysdeps/x86_64/memcpy.S"), false),
            (
                "pretty::print",
                Some("/home/ann/.cargo/registry/src/index.crates.io-1/pretty-1.0.0/src/lib.rs"),
                false,
            ),
            ("pretty::print", Some("/usr/local/cargo/git/checkouts/pretty-1/ab/src/lib.rs"), false),
            ("pretty::print", Some("C:\\Users\\ann\\.cargo\\registry\\src\\x\\pretty\\src\\lib.rs"), false),
            ("pretty::print", Some("/rustc/5980761/library/x/src/lib.rs"), false),
            ("shop::main", Some("/build/shop/src/main.rs"), true),
            ("shop::main", Some("/home/ann/rustc/library/core/main.rs"), true),
        ] {
            assert_eq!(rules.is_in_app(Some(function), path), Some(expected), "{function} {path:?}");
        }
    }

    #[test]
    fn the_program_has_the_first_word() {
        let rules = InApp::new(
            vec!["tokio::task".into(), "my-crate::".into()],
            vec!["shop".into(), "my_crate::gen".into()],
        );
        for (function, expected) in [
            ("tokio::task::spawn", true),
            ("tokio::runtime::park", false),
            ("shop::main", false),
            ("shopping::main", true),
            ("my_crate::run", true),
            ("my_crate::gen::run", true),
            ("<my_crate::Run as core::fmt::Debug>::fmt", true),
        ] {
            assert_eq!(rules.is_in_app(Some(function), None), Some(expected), "{function}");
        }
        let registry = Some("/home/ann/.cargo/registry/src/index.crates.io-1/my-crate-1.0.0/src/lib.rs");
        assert_eq!(rules.is_in_app(Some("my_crate::run"), registry), Some(true));
    }

    #[test]
    fn an_empty_entry_matches_nothing() {
        let rules = InApp::new(vec![" ".into(), "::".into()], vec![String::new()]);
        assert_eq!(rules.is_in_app(Some("std::thread::spawn"), None), Some(false));
        assert_eq!(rules.is_in_app(Some("shop::main"), None), Some(true));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        assert_eq!(InApp::default().is_in_app(None, None), None);
        assert_eq!(InApp::default().is_in_app(None, Some("/build/shop/src/main.rs")), Some(true));
        assert_eq!(InApp::default().is_in_app(None, Some("/rustc/1/library/std/src/rt.rs")), Some(false));
    }
}
