//! Who reads the docs of `watchpost` can copy their examples: what the facade re-exports is shown under the facade's names, though it is written
//! in a crate that the reader does not depend on.
//!
//! A hidden line makes such an example compile where it stands: `# use watchpost_core as watchpost;`, or a `# mod watchpost { .. }` of what it needs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that only other crates of the house name. The testkit is named by its users.
const INNER: [&str; 9] =
    ["core", "log", "macros", "process", "profiling", "protocol", "tower", "tracing", "transport"];

/// What is for crates that stand on core, and not on the facade.
const NOT_RE_EXPORTED: [&str; 3] = ["core/src/diag.rs", "core/src/mute.rs", "core/src/unharmed.rs"];

#[test]
fn examples_name_the_facade() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut examples = 0;
    let mut wrong = Vec::new();
    for name in INNER.into_iter().chain(["testkit", "watchpost"]) {
        for file in sources(&crates.join(name).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let file = file.strip_prefix(&crates).unwrap();
            if NOT_RE_EXPORTED.iter().any(|not| file == Path::new(not)) {
                continue;
            }
            for (number, line) in shown(&text) {
                examples += usize::from(line.contains("watchpost::"));
                if names_inner(line) {
                    wrong.push(format!("crates/{}:{number}: {line}", file.display()));
                }
            }
        }
    }
    assert!(examples > 100, "only {examples} lines of examples name the facade: they are not found any more");
    assert!(wrong.is_empty(), "shown to people who depend on `watchpost` alone:\n{}", wrong.join("\n"));
}

/// The pages of the guide are read as files, too, where nobody hides a line or knows what `crate` is.
#[test]
fn pages_read_as_files() {
    let facade = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/watchpost");
    let guide = fs::read_to_string(facade.join("src/guide.rs")).unwrap();
    let mut pages = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(facade.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let (text, name) = (fs::read_to_string(&path).unwrap(), path.file_name().unwrap().display());
        pages += 1;
        let page = format!("include_str!(\"../docs/{name}\")");
        let items = guide.split("\n\n").find(|part| part.contains(&page)).unwrap();
        wrong.extend(badly_read(&text, items).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(pages > 10, "only {pages} pages");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What reads badly of a page that is a file; `items` are the definitions that stand before it in the docs of the crate.
fn badly_read(text: &str, items: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut language = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(named), None) => {
                if named.is_empty() {
                    wrong.push("a fence that says no language".to_owned());
                }
                language = Some(named);
            }
            (Some(_), Some(_)) => language = None,
            (None, Some(named)) if named.starts_with("rust") && (line == "#" || line.starts_with("# ")) => {
                wrong.push(format!("a line that is to be hidden: {line}"));
            }
            (None, None) if line.contains("](crate::") || line.contains("](std::") => {
                wrong.push(format!("a link to nowhere: {line}"))
            }
            (None, None) => wrong.extend(undefined(line, text, items)),
            (None, Some(_)) => {}
        }
    }
    wrong
}

/// The links in a line that are not defined in the page, or are of a page or an item of ours and not defined in the docs.
fn undefined(line: &str, text: &str, items: &str) -> Vec<String> {
    let ours = ["https://docs.rs/watchpost/", "cost.md", "tasks.md"];
    let keys = line.split("][").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0));
    let is_wrong = |key: &&str| {
        let Some((_, target)) = text.split_once(&format!("\n[{key}]: ")) else { return true };
        let is_ours = ours.iter().any(|page| target.starts_with(page));
        is_ours && !items.contains(&format!("/// [{key}]: crate::"))
    };
    keys.filter(is_wrong).map(|key| format!("a link that is not defined: {key}")).collect()
}

#[test]
fn what_reads_badly_is_found() {
    let wrong = |text: &str| badly_read(text, "/// [init]: crate::init()\n").len();
    assert_eq!(wrong("```\nlet a = 1;\n```\n"), 1);
    assert_eq!(wrong("```rust\n# let a = 1;\n```\n```text\n# a remark\n```\n"), 1);
    assert_eq!(wrong("see [`init`](crate::init)\n"), 1);
    assert_eq!(wrong("see [`init`][init]\n"), 1);
    assert_eq!(
        wrong("see [`init`][init]\n\n[init]: https://docs.rs/watchpost/latest/watchpost/fn.init.html\n"),
        0
    );
    assert_eq!(
        wrong("see [`flush`][flush]\n\n[flush]: https://docs.rs/watchpost/latest/watchpost/fn.flush.html\n"),
        1
    );
}

/// The Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The lines of doc examples that rustdoc shows, with their numbers.
fn shown(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_example = false;
    (1..).zip(text.lines()).filter_map(move |(number, line)| {
        let line = line.trim_start();
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            in_example = false;
            return None;
        };
        let doc = doc.trim();
        if doc.starts_with("```") {
            in_example = !in_example;
            return None;
        }
        (in_example && doc != "#" && !doc.starts_with("# ")).then_some((number, doc))
    })
}

fn names_inner(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter_map(|word| word.strip_prefix("watchpost_"))
        .any(|name| INNER.contains(&name))
}

#[test]
fn hidden_lines_and_sentences_may_name_other_crates() {
    let text = "\
/// Of `watchpost_core`:
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::Options;
/// use watchpost_core::Scope;
/// ```
use watchpost_core::Client;
";
    let lines: Vec<_> = shown(text).collect();
    assert_eq!(lines, [(5, "use watchpost::Options;"), (6, "use watchpost_core::Scope;")]);
    assert!(!names_inner(lines[0].1) && names_inner(lines[1].1));
}
