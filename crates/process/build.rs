//! Notes which compiler builds the program, for the `rust` context. Anything unexpected is noted as nothing: a build never fails here.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let Some((version, channel)) = rustc_version() else {
        return;
    };
    println!("cargo:rustc-env=WATCHPOST_RUSTC_VERSION={version}");
    println!("cargo:rustc-env=WATCHPOST_RUSTC_CHANNEL={channel}");
}

/// Of `rustc 1.95.0 (59807616e 2026-04-14)`, `1.97.0-nightly`, `1.96.0-beta.3`, `1.95.0-dev`.
fn rustc_version() -> Option<(String, String)> {
    let rustc = std::env::var_os("RUSTC")?;
    let output = Command::new(rustc).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.strip_prefix("rustc ")?.split_whitespace().next()?;
    let channel = match version.split_once('-') {
        None => "stable",
        Some((_, suffix)) => suffix.split('.').next()?,
    };
    Some((version.to_owned(), channel.to_owned()))
}
