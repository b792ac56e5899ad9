//! Watchpost beside its peers: the same work, done by each of them. How it is run and read is in the `README.md` of this package.
//!
//! This is what its programs share: the work, and who does it. One takes times, and has valgrind count instructions; another counts
//! allocations, with an allocator that would cost every allocation of the first some 50 instructions.
//!
//! ```text
//!   cases ──▶ workloads   what is done: written once, against `api`
//!     │
//!     └─────▶ subjects    who does it: sets itself up, has its turn, takes itself down
//!                └──▶ measure   a turn: samples of a workload, handed to a meter
//! ```

mod api;
pub mod callgrind;
pub mod cases;
pub mod logger;
pub mod measure;
pub mod subjects;
pub mod workloads;
