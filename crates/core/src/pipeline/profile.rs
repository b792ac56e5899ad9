//! What profiles are on their way: a chunk has an envelope of its own, the profile of a transaction rides with it. They pass no integration, no processor
//! and no hook, and there is nothing to scrub: they are made of names of the program's code.

use watchpost_protocol::{Category, DiscardReason, Envelope};

use super::{ItemJob, Job, Pipeline};
use crate::config::Config;
use crate::outbox::{Label, Priority};
use crate::profiling::{Chunk, Program};

impl Job {
    /// A piece of what the profiler saw. If that is nothing after all, nothing is lost.
    pub(crate) fn profile_chunk(chunk: Chunk) -> Self {
        let category = Category::ProfileChunk;
        Job::Item(ItemJob {
            // What it holds is bounded by its recording.
            label: Label { priority: Priority::Record, category, order: None, weight: size_of::<Chunk>() },
            quantities: [(category, 1), (category, 0), (category, 0)],
            prepare: Box::new(move |pipeline, _| pipeline.prepare_chunk(&chunk)),
        })
    }
}

impl Pipeline {
    fn prepare_chunk(&self, chunk: &Chunk) -> Option<Envelope> {
        let item = (chunk.profiling.plug().chunk)(chunk, &program(&self.config))?;
        if let Err(error) = &item {
            crate::debug!("a profile could not be serialised: {error}");
            self.losses.record(DiscardReason::InternalSdkError, Category::ProfileChunk, 1);
        }
        Some(Envelope::of(&self.config.sdk, vec![item.ok()?]))
    }
}

/// What profiles are told of the program.
pub(super) fn program(config: &Config) -> Program<'_> {
    Program {
        release: config.release.as_ref(),
        environment: &config.environment,
        dist: config.dist.as_ref(),
        sdk: &config.sdk,
        stacks: config.options.stack_source.as_deref(),
    }
}
