//! Backtraces that errors carry: on stable Rust they can be had as text alone.

use super::in_app::InApp;
use super::lookup::{Found, Raw, describe_all};
use super::symbol;

/// The functions of a backtrace as `std::backtrace::Backtrace` prints it, innermost first.
///
/// ```text
///    3: shop::cart::total
///              at ./src/cart.rs:41:9
///       shop::cart::inlined
/// ```
pub(super) fn read(printed: &str, rules: &InApp) -> Vec<Found> {
    let mut functions: Vec<Raw> = Vec::new();
    for line in printed.lines() {
        let text = line.trim_start();
        match text.strip_prefix("at ") {
            Some(place) if line.len() - text.len() > 6 => {
                if let Some(function) = functions.last_mut() {
                    place_at(place, function);
                }
            }
            _ => {
                let name = name(text);
                if !name.is_empty() {
                    functions.push(Raw { function: Some(symbol::clean(name)), ..Raw::default() });
                }
            }
        }
    }
    describe_all(functions, rules)
}

/// `shop::main` of `3: shop::main` and of `3: 0x55d0c0de - shop::main`.
fn name(text: &str) -> &str {
    let numbered =
        text.split_once(": ").filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let name = numbered.map_or(text, |(_, name)| name).trim_start();
    let addressed = name.strip_prefix("0x").and_then(|rest| rest.split_once(" - "));
    addressed.map_or(name, |(_, name)| name).trim()
}

/// `./src/cart.rs:41:9`; on Windows there is a colon in the path, too.
fn place_at(place: &str, function: &mut Raw) {
    let mut parts = place.rsplitn(3, ':');
    let (column, line, path) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
    if let (Some(path), Some(line), column) = (path, number(line), number(column)) {
        function.path = Some(path.to_owned());
        function.line = Some(line);
        function.column = column;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_their_places_are_read() {
        let printed = "   0: anyhow::error::<impl anyhow::Error>::msg
             at /home/ann/.cargo/registry/src/index.crates.io-1/anyhow-1.0.104/src/backtrace.rs:10:14
   1: shop::cart::total
             at ./src/cart.rs:41:9
      shop::cart::inlined
             at ./src/cart.rs:7:1
   2:     0x55d0c0de - shop::main::h0123456789abcdef
   3: <unknown>
";
        let found = read(printed, &InApp::default());
        let frames: Vec<_> = found.iter().map(Found::frame).collect();
        let names: Vec<_> = frames.iter().map(|frame| frame.function.as_deref().unwrap()).collect();
        assert_eq!(
            names,
            [
                "anyhow::error::<impl anyhow::Error>::msg",
                "shop::cart::total",
                "shop::cart::inlined",
                "shop::main",
                "<unknown>"
            ]
        );
        let total = &frames[1];
        assert_eq!(
            (total.filename.as_deref(), total.lineno, total.colno),
            (Some("src/cart.rs"), Some(41), Some(9))
        );
        assert_eq!(
            frames.iter().map(|frame| frame.in_app).collect::<Vec<_>>()[..4],
            [Some(false), Some(true), Some(true), Some(true)]
        );
        assert!(frames.iter().all(|frame| frame.instruction_addr.is_none()));
    }

    #[test]
    fn what_is_no_backtrace_is_none() {
        assert!(read("", &InApp::default()).is_empty());
    }
}
