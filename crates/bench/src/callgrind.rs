//! Instructions, counted by valgrind: what one function of a program takes on the thread that calls it. They repeat where times do not.

use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs, io, process};

const MISSING: &str = "instructions are counted by valgrind, which is not installed: install it (its package is `valgrind`) and try again";

/// Runs this program once more, with these arguments, and counts while `function` runs: a part of its path, as `serve::collected`. It must be
/// neither inlined nor generic.
///
/// # Errors
/// Without valgrind, and if the program fails or never calls the function.
pub fn count(arguments: &[&str], function: &str) -> Result<f64, Box<dyn Error>> {
    let profile = env::temp_dir().join(format!("watchpost-bench-{}.callgrind", process::id()));
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind".to_owned(), format!("--toggle-collect=*{function}*")])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let ended = ended.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MISSING.into(),
        _ => format!("valgrind did not start: {error}"),
    })?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into());
    }
    let counted = total(&fs::read_to_string(&profile)?).ok_or("valgrind counted nothing")?;
    fs::remove_file(&profile)?;
    Ok(counted)
}

/// The line `totals: <instructions>` of a profile. It is 0 if the function was not found.
fn total(profile: &str) -> Option<f64> {
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok().filter(|&total| total > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile() {
        assert_eq!(total("events: Ir\nfn=(1) main\n2 40\n\ntotals: 1234\n"), Some(1234.0));
        assert_eq!(total("events: Ir\n"), None);
        assert_eq!(total("events: Ir\ntotals: 0\n"), None);
    }
}
