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
