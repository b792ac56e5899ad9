//! The sampling CPU profiler of Watchpost: a hundred times a second, which functions are on a processor.
//!
//! The facade's feature `profiling` plugs it in. By hand:
//!
//! ```
//! # mod watchpost { pub use watchpost_core::*; pub use watchpost_profiling as profiler; }
//! use watchpost::Options;
//! use watchpost::profiler::Sampler;
//!
//! let options = Options::new()
//!     .traces_sample_rate(1.0)?
//!     .profiles_sample_rate(0.1)?
//!     .profiler(Sampler::default());
//! # Ok::<(), watchpost_core::InitError>(())
//! ```
//!
//! How a stack comes about:
//!
//! ```text
//!   thread of the program               │ thread of the profiler
//!   runs ◀────────── SIGPROF ───────────┼── 101 times a second: who is on a processor?
//!   copies its registers and the upper  │
//!   128 kB of its stack into a place ───┼─▶ walks the copy by the unwind tables of the binary ──▶ addresses, a moment
//!   that was there before, and goes on  │
//! ```
//!
//! So the handler of the signal does next to nothing: it allocates nothing, locks nothing, walks nothing, and leaves `errno` as it was. What can go wrong in
//! walking a stack goes wrong on a copy, in safe code. A program that has a handler for `SIGPROF` keeps it: then the profiler does not start.
//!
//! Not done: what waits is on no processor, and in no profile. A stack deeper than 128 kB has no outer end. On macOS, nobody has tried it yet: the stack is
//! walked by frame pointers there, and threads are interrupted by the timer of the process ([`ProfilerBackend::Signal`]). Windows, other systems and other
//! processors than x86-64 and AArch64 have no profiler: starting it says so, once, under `debug`.

mod sampler;

#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod system;
#[cfg(not(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
#[path = "elsewhere.rs"]
mod system;

pub use sampler::{ProfilerBackend, Sampler};
