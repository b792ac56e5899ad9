//! What is read and written is read as the same, and nothing that is read panics: the properties of the fuzz targets, for inputs that are made
//! up here, the same in every run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a property that does not hold has failed")]

#[path = "../fuzz/properties.rs"]
#[allow(unreachable_pub, dead_code, missing_docs, reason = "the fuzz targets call each by its name")]
mod properties;

use fastrand::Rng;

/// What inputs begin as, before they are bent: the seeds of the fuzz targets.
fn seeds() -> Vec<Vec<u8>> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// What is put in: pieces that mean something to one grammar or another.
const PIECES: &[&str] = &[
    "",
    "@",
    ":",
    "/",
    "://",
    "-",
    ",",
    ";",
    "=",
    "%",
    "%2",
    "%zz",
    "0",
    "00",
    "9999999999999999999999",
    "-1",
    "\n",
    "\r\n",
    " ",
    "\0",
    "é",
    "\u{202e}",
    "{",
    "}",
    "\"",
    "[",
    "]",
    "null",
    "1e999",
    "\"length\":3,",
    "sentry-",
    "*",
    "#",
    "T",
    "Z",
    "+23:59",
    "\\ud800",
];

fn bent(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[rng.usize(..seeds.len())].clone();
    for _ in 0..rng.usize(..5) {
        let at = rng.usize(..=input.len());
        match rng.u8(..5) {
            0 => input.truncate(at),
            1 => drop(input.splice(at..at, PIECES[rng.usize(..PIECES.len())].bytes())),
            2 => {
                let end = (at + rng.usize(..8)).min(input.len());
                input.drain(at..end);
            }
            3 if at < input.len() => input[at] = rng.u8(..),
            _ => {
                let end = (at + rng.usize(..20)).min(input.len());
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
        }
    }
    input
}

#[test]
fn whatever_is_read_is_written_so_that_it_is_read_as_the_same() {
    let (mut rng, seeds) = (Rng::with_seed(20_261_121), seeds());
    for seed in &seeds {
        properties::ALL.iter().chain(properties::SLOW).for_each(|(_, holds)| holds(seed));
    }
    for number in 0..20_000 {
        let input = bent(&mut rng, &seeds);
        let slow = if number % 20 == 0 { properties::SLOW } else { &[] };
        for (name, holds) in properties::ALL.iter().chain(slow) {
            let held = std::panic::catch_unwind(|| holds(&input));
            assert!(held.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}
