//! Where nothing is known of how to look at the stack of another thread.

use std::sync::Arc;

use watchpost_core::{Recording, Unavailable};

use crate::ProfilerBackend;

pub(crate) fn record(_: ProfilerBackend, _: &Arc<Recording>) -> Result<(), Unavailable> {
    Err(Unavailable("this system, or its processor, is not supported".into()))
}

pub(crate) fn wake(_: ProfilerBackend) {}

pub(crate) fn collect() {}

pub(crate) fn thread_id() -> Option<u64> {
    None
}
