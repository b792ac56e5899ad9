//! A process that forks while it is profiled: its child ends as it would, and can be profiled by itself.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod children;

fn main() {
    #[cfg(all(
        any(target_os = "linux", target_os = "macos"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    children::a_child_is_profiled_by_itself();
    println!("test profiling_forked ... ok");
}
