//! The profiler: which functions are on the processor, sampled a hundred times a second. The page [`profiling`](crate::guide::profiling) says how it
//! works and what it cannot see.
//!
//! ```
//! use watchpost::profiler::{self, ProfilerBackend, Sampler};
//!
//! let options = watchpost::Options::new()
//!     .traces_sample_rate(1.0)?
//!     .profile_session_sample_rate(1.0)?
//!     .profiler(Sampler::new(ProfilerBackend::Thread)); // which is the default on Linux
//! let _guard = watchpost::init(options)?;
//!
//! profiler::start();
//! // ... the work that takes too long
//! profiler::stop();
//! # Ok::<(), watchpost::InitError>(())
//! ```

pub use watchpost_core::api::profiler::{Profile, start, stop};
pub use watchpost_core::{Profiler, Recording, SampledThread, StackSample, Unavailable};
pub use watchpost_profiling::{ProfilerBackend, Sampler};
