//! Reading function names: cleaning them up and finding the crate and the module in them (`protocol.md` §5.10).

/// A demangled name without what changes from build to build: the hash at the end (`::h0123456789abcdef`) and the crate
/// disambiguators (`shop[1a2b3c4d5e6f7a8b]`). Escapes of the legacy mangling that are still in it are decoded.
pub(crate) fn clean(name: &str) -> String {
    let name = without_disambiguators(without_hash(name));
    if name.contains('$') { decode_escapes(&name) } else { name }
}

/// The crate that a function was written in: its own for a method, the trait's where the type says nothing
/// (`<T as shop::Trait>::f`). `None` for a name that is not a path, such as those of C functions.
pub(crate) fn crate_of(function: &str) -> Option<&str> {
    let owner = owner(function);
    separator(owner).map(|at| &owner[..at])
}

/// The path without its last segment; closures belong to the function they stand in, methods to their type.
pub(crate) fn module_of(function: &str) -> Option<&str> {
    let path = owner(function);
    if is_impl(function) {
        return separator(path).map(|_| path);
    }
    let path = match function.find("::<impl ") {
        Some(at) => return Some(&function[..at]),
        None => path,
    };
    path.rfind("::").map(|at| &path[..at])
}

/// The path by which a function is judged: `shop::run` for `shop::run::<u32>::{closure#0}`, `shop::Cart` for
/// `<shop::Cart as core::fmt::Debug>::fmt`, `shop::Trait` for `<T as shop::Trait>::f`.
pub(crate) fn owner(function: &str) -> &str {
    if !is_impl(function) {
        return leading_path(function);
    }
    let inner = &function[function.find('<').map_or(0, |at| at + 1)..];
    let own = leading_path(without_sigils(inner));
    if separator(own).is_some() {
        return own;
    }
    match trait_of(inner).map(leading_path) {
        Some(its) if separator(its).is_some() => its,
        _ => own,
    }
}

/// Whether a path starts with another, whole segments compared: `shop::cart` starts with `shop`, `shopping` does not.
pub(crate) fn starts_with_path(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || rest.starts_with("::") || rest.starts_with(".."),
        None => false,
    }
}

fn is_impl(function: &str) -> bool {
    function.starts_with('<') || function.starts_with("_<")
}

/// What `as` names in the inside of `<… as …>`, at the same depth.
fn trait_of(inner: &str) -> Option<&str> {
    let mut depth = 0_i32;
    for (at, c) in inner.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            // `->` in the type of a function is no bracket.
            '>' if inner[..at].ends_with('-') => {}
            '>' | ')' | ']' if depth == 0 => return None,
            '>' | ')' | ']' => depth -= 1,
            ' ' if depth == 0 => {
                if let Some(its) = inner[at..].strip_prefix(" as ") {
                    return Some(its);
                }
            }
            _ => {}
        }
    }
    None
}

/// References and the like do not change whose an `impl` is: `impl Add for &Cart` stands in the crate of `Cart`. Lists and
/// tuples do: what is written for them is the trait's.
fn without_sigils(mut text: &str) -> &str {
    loop {
        let before = text.len();
        for sigil in ["<", "&", "mut ", "dyn ", "impl "] {
            text = text.strip_prefix(sigil).unwrap_or(text);
        }
        if text.len() == before {
            return text;
        }
    }
}

/// `a::b` of `a::b<T>`, `a::b::{{closure}}`, `a::b as c::D`. The legacy mangling writes `..` where it could not write `::`.
fn leading_path(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let joins = |mark: u8| bytes.get(at + 1) == Some(&mark) || (at > 0 && bytes[at - 1] == mark);
        match c {
            '_' => {}
            c if c.is_alphanumeric() => {}
            ':' if joins(b':') => {}
            '.' if joins(b'.') => {}
            _ => break,
        }
        end = at + c.len_utf8();
    }
    text[..end].trim_end_matches("::").trim_end_matches("..")
}

/// Where the first segment of a path ends, if there is a second one.
fn separator(path: &str) -> Option<usize> {
    match (path.find("::"), path.find("..")) {
        (Some(colons), Some(dots)) => Some(colons.min(dots)),
        (colons, dots) => colons.or(dots),
    }
}

fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && is_hex(hash) => path,
        _ => name,
    }
}

fn without_disambiguators(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('[') {
        let (before, bracket) = rest.split_at(at);
        clean.push_str(before);
        // `shop[1a2b]` names a crate; `[u8]` after anything but a name is a list.
        let names = before.ends_with(|c: char| c == '_' || c.is_alphanumeric());
        let end =
            bracket.find(']').filter(|&end| names && (2..=17).contains(&end) && is_hex(&bracket[1..end]));
        match end {
            Some(end) => rest = &bracket[end + 1..],
            None => {
                clean.push('[');
                rest = &bracket[1..];
            }
        }
    }
    clean.push_str(rest);
    clean
}

fn decode_escapes(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('$') {
        clean.push_str(before);
        match after.split_once('$').and_then(|(code, tail)| Some((unescape(code)?, tail))) {
            Some((c, tail)) => {
                clean.push(c);
                rest = tail;
            }
            None => {
                clean.push('$');
                rest = after;
            }
        }
    }
    clean.push_str(rest);
    clean
}

fn unescape(code: &str) -> Option<char> {
    Some(match code {
        "SP" => '@',
        "BP" => '*',
        "RF" => '&',
        "LT" => '<',
        "GT" => '>',
        "LP" => '(',
        "RP" => ')',
        "C" => ',',
        _ => {
            let hex = code.strip_prefix('u').filter(|hex| is_hex(hex))?;
            return u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).filter(|c| !c.is_control());
        }
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_changes_from_build_to_build() {
        for (raw, expected) in [
            ("shop::main::h0123456789abcdef", "shop::main"),
            ("shop[1a2b3c4d5e6f7a8b]::run", "shop::run"),
            (
                "_$LT$shop..Cart$u20$as$u20$core..fmt..Debug$GT$::fmt",
                "_<shop..Cart as core..fmt..Debug>::fmt",
            ),
            (
                "<shop[1a2b3c4d5e6f7a8b]::Cart as core[99]::fmt::Debug>::fmt",
                "<shop::Cart as core::fmt::Debug>::fmt",
            ),
            ("shop::run::{{closure}}::h0123456789abcdef", "shop::run::{{closure}}"),
            ("shop$C$me$LP$$RP$$RF$$BP$$SP$$u7b$$u7d$", "shop,me()&*@{}"),
            // What only looks alike stays.
            ("shop::hello", "shop::hello"),
            ("shop::h0123456789abcde", "shop::h0123456789abcde"),
            ("shop::h0123456789ABCDEF", "shop::h0123456789ABCDEF"),
            ("<[u8] as shop::Sum>::sum", "<[u8] as shop::Sum>::sum"),
            ("<[bad] as shop::Sum>::sum", "<[bad] as shop::Sum>::sum"),
            ("shop::f::<[u8; 4]>", "shop::f::<[u8; 4]>"),
            ("price$", "price$"),
            ("a$b$c", "a$b$c"),
            ("bell$u7$", "bell$u7$"),
            ("shop[", "shop["),
            ("", ""),
        ] {
            assert_eq!(clean(raw), expected, "{raw}");
        }
    }

    #[test]
    fn a_function_belongs_to_one_crate() {
        for (function, expected) in [
            ("shop::main", Some("shop")),
            ("shop::main::{{closure}}", Some("shop")),
            ("shop::run::<u32>::{closure#0}", Some("shop")),
            ("<shop::Cart>::total", Some("shop")),
            ("<shop::Cart as core::fmt::Debug>::fmt", Some("shop")),
            ("_<shop..Cart as core..fmt..Debug>::fmt", Some("shop")),
            ("<&mut shop::Cart as core::ops::arith::Add>::add", Some("shop")),
            ("<dyn shop::Price>::of", Some("shop")),
            ("<T as shop::Price>::of", Some("shop")),
            ("<&T as core::fmt::Debug>::fmt", Some("core")),
            ("<(A,B) as shop::Price>::of", Some("shop")),
            ("<[shop::Cart] as core::fmt::Debug>::fmt", Some("core")),
            ("<fn(A) -> B as shop::Price>::of", Some("shop")),
            ("<<shop::A as core::X>::Y as core::Z>::f", Some("shop")),
            ("<shop::f::{closure#0} as core::ops::function::FnOnce<()>>::call_once", Some("shop")),
            ("core::ops::function::FnOnce::call_once{{vtable.shim}}", Some("core")),
            ("core::ptr::drop_in_place<shop::Cart>", Some("core")),
            ("core::slice::index::<impl core::ops::index::Index<I> for [T]>::index", Some("core")),
            ("<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once", Some("alloc")),
            ("<F as axum::handler::Handler<(M,),S>>::call", Some("axum")),
            ("__rustc::rust_begin_unwind", Some("__rustc")),
            ("żółw::plywaj", Some("żółw")),
            ("main", None),
            ("_start", None),
            ("__libc_start_call_main", None),
            ("foo.llvm.123", None),
            ("<T as U>::f", None),
            ("<", None),
            ("_<", None),
            ("::", None),
            ("", None),
        ] {
            assert_eq!(crate_of(function), expected, "{function}");
        }
    }

    #[test]
    fn the_module_is_where_the_function_stands() {
        for (function, expected) in [
            ("shop::main", Some("shop")),
            ("shop::cart::total", Some("shop::cart")),
            ("shop::cart::Cart::total", Some("shop::cart::Cart")),
            ("shop::cart::total::{{closure}}", Some("shop::cart")),
            ("shop::cart::total::<u32>::{closure#0}", Some("shop::cart")),
            ("<shop::cart::Cart>::total", Some("shop::cart::Cart")),
            ("<shop::Cart as core::fmt::Debug>::fmt", Some("shop::Cart")),
            ("<T as shop::Price>::of", Some("shop::Price")),
            (
                "core::slice::index::<impl core::ops::index::Index<I> for [T]>::index",
                Some("core::slice::index"),
            ),
            ("main", None),
            ("", None),
        ] {
            assert_eq!(module_of(function), expected, "{function}");
        }
    }

    #[test]
    fn prefixes_end_at_a_segment() {
        assert!(starts_with_path("shop::cart", "shop"));
        assert!(starts_with_path("shop", "shop"));
        assert!(starts_with_path("shop..cart", "shop"));
        assert!(!starts_with_path("shopping::cart", "shop"));
        assert!(!starts_with_path("shop", "shop::cart"));
    }
}
