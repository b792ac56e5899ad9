//! What is sent of samples: stacks and frames, each of them once, with the names of functions. On the worker.
//!
//! It is reached through a [`Plug`](super::Plug) alone: a program without a profiler has none of it linked in.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use watchpost_protocol::profile::{ChunkSample, ElapsedSample, ProfiledTransaction, Samples, ThreadMetadata};
use watchpost_protocol::{
    Addr, DebugImage, DebugMeta, Frame, Item, OsContext, Profile, ProfileChunk, SdkInfo, Transaction,
};

use super::{Chunk, TransactionRecording};
use crate::integration::StackSource;
use crate::profiler::StackSample;

/// A profile of fewer samples is worth nothing, and the server refuses it (§13.2).
const FEWEST: usize = 2;

/// What is known of the program that is profiled.
pub(crate) struct Program<'a> {
    pub(crate) release: Option<&'a Arc<str>>,
    pub(crate) environment: &'a Arc<str>,
    pub(crate) dist: Option<&'a Arc<str>>,
    pub(crate) sdk: &'a SdkInfo,
    pub(crate) stacks: Option<&'a dyn StackSource>,
}

/// Makes an item, or says why it cannot.
pub(crate) type Written = Result<Item, serde_json::Error>;

/// Makes the item of a profile, when its transaction is finished.
pub(crate) type WriteProfile = Box<dyn FnOnce(&Transaction) -> Written>;

/// The item of a chunk; `None`: nothing was seen.
pub(super) fn chunk(chunk: &Chunk, program: &Program<'_>) -> Option<Written> {
    let seen = chunk.take();
    if seen.is_empty() {
        return None;
    }
    let (profile, images) = samples(&seen, program.stacks, |sample, thread_id, stack_id| ChunkSample {
        timestamp: chunk.time_of(sample.at),
        thread_id,
        stack_id,
    });
    let SdkInfo { name, version, .. } = program.sdk;
    let payload = ProfileChunk {
        profiler_id: chunk.profiler_id,
        chunk_id: chunk.chunk_id,
        release: program.release.cloned().unwrap_or_default(),
        environment: Some(Arc::clone(program.environment)),
        dist: program.dist.cloned(),
        client_sdk: SdkInfo { name: name.clone(), version: version.clone(), ..SdkInfo::default() },
        debug_meta: debug_meta(images),
        profile,
        ..ProfileChunk::default()
    };
    Some(Item::profile_chunk(&payload))
}

/// The profile of a transaction, which is to be written when that is finished; `None`: too little was seen.
pub(super) fn profile(own: &TransactionRecording, program: &Program<'_>) -> Option<WriteProfile> {
    let seen = own.take();
    if seen.len() < FEWEST {
        return None;
    }
    let began = own.began();
    let (profile, images) = samples(&seen, program.stacks, |sample, thread_id, stack_id| {
        let elapsed = sample.at.saturating_duration_since(began);
        ElapsedSample { elapsed_since_start_ns: elapsed.as_nanos() as u64, thread_id, stack_id }
    });
    let profile = Profile {
        event_id: own.id,
        release: program.release.cloned().unwrap_or_default(),
        environment: Some(Arc::clone(program.environment)),
        debug_meta: debug_meta(images),
        profile,
        ..Profile::default()
    };
    Some(Box::new(|transaction| Item::profile(&of(transaction, profile))))
}

/// A profile with what is known of its transaction in the end.
fn of(transaction: &Transaction, mut profile: Profile) -> Profile {
    let contexts = &transaction.contexts;
    let trace = contexts.trace.as_ref();
    let thread = trace.and_then(|trace| trace.data.get("thread.id")?.as_str());
    let arch = contexts.device.as_ref().and_then(|device| device.arch.clone());
    profile.timestamp = transaction.start_timestamp.unwrap_or_default();
    profile.os = os(contexts.os.as_ref());
    profile.device.architecture = arch.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    profile.runtime.clone_from(&contexts.rust);
    profile.transaction = ProfiledTransaction {
        id: transaction.event_id,
        name: transaction.transaction.clone(),
        trace_id: trace.map(|trace| trace.trace_id),
        active_thread_id: thread.unwrap_or_default().to_owned(),
        ..ProfiledTransaction::default()
    };
    profile
}

/// Name and version, without which the server takes no profile.
fn os(known: Option<&OsContext>) -> OsContext {
    let known = |field: fn(&OsContext) -> Option<&String>| known.and_then(field).cloned();
    OsContext {
        name: Some(known(|os| os.name.as_ref()).unwrap_or_else(|| std::env::consts::OS.to_owned())),
        version: Some(known(|os| os.version.as_ref()).unwrap_or_else(|| "unknown".to_owned())),
        ..OsContext::default()
    }
}

fn debug_meta(images: Vec<DebugImage>) -> Option<DebugMeta> {
    (!images.is_empty()).then(|| DebugMeta { images, ..DebugMeta::default() })
}

/// What was seen, as the protocol wants it, and the images that it lies in. `sample` makes one of a moment, a thread and a stack.
fn samples<S>(
    seen: &[StackSample],
    source: Option<&dyn StackSource>,
    sample: impl Fn(&StackSample, Arc<str>, usize) -> S,
) -> (Samples<S>, Vec<DebugImage>) {
    let (mut stacks, mut threads) = (Numbered::default(), HashMap::<u64, (Arc<str>, &StackSample)>::new());
    let samples = seen
        .iter()
        .map(|seen| {
            let (thread, _) =
                threads.entry(seen.thread.id).or_insert_with(|| (seen.thread.id.to_string().into(), seen));
            sample(seen, Arc::clone(thread), stacks.number(&*seen.stack))
        })
        .collect();
    let mut addresses = Numbered::default();
    stacks.known.iter().for_each(|stack| stack.iter().for_each(|address| _ = addresses.number(address)));
    let addresses: Vec<usize> = addresses.known.into_iter().copied().collect();
    let (frames, places) = frames(&addresses, source);
    let stacks = stacks
        .known
        .iter()
        .map(|stack| stack.iter().filter_map(|address| places.get(address)).flat_map(Clone::clone).collect());
    let thread_metadata = threads.values().map(|(id, seen)| {
        (id.to_string(), ThreadMetadata { name: seen.thread.name.clone(), ..ThreadMetadata::default() })
    });
    let samples = Samples {
        samples,
        stacks: stacks.collect(),
        frames,
        thread_metadata: thread_metadata.collect(),
        ..Samples::default()
    };
    (samples, source.map(|source| source.images(&addresses)).unwrap_or_default())
}

/// The frames at these addresses, and which of them are at which address.
fn frames(
    addresses: &[usize],
    source: Option<&dyn StackSource>,
) -> (Vec<Frame>, HashMap<usize, Range<usize>>) {
    let mut found = source.map(|source| source.frames(addresses)).unwrap_or_default().into_iter();
    let (mut frames, mut places) = (Vec::new(), HashMap::with_capacity(addresses.len()));
    for &address in addresses {
        let from = frames.len();
        frames.extend(found.next().unwrap_or_default());
        if frames.len() == from {
            frames.push(Frame { instruction_addr: Some(Addr(address as u64)), ..Frame::default() });
        }
        places.insert(address, from..frames.len());
    }
    (frames, places)
}

/// Things by the order in which they came, each of them once.
struct Numbered<'a, T: ?Sized> {
    known: Vec<&'a T>,
    numbers: HashMap<&'a T, usize>,
}

impl<T: ?Sized> Default for Numbered<'_, T> {
    fn default() -> Self {
        Numbered { known: Vec::new(), numbers: HashMap::new() }
    }
}

impl<'a, T: Eq + Hash + ?Sized> Numbered<'a, T> {
    fn number(&mut self, one: &'a T) -> usize {
        let known = &mut self.known;
        *self.numbers.entry(one).or_insert_with(|| {
            known.push(one);
            known.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::integration::RawStack;
    use crate::profiler::SampledThread;

    /// Knows a function with one inlined in it at 7, and nothing else.
    struct Names;

    impl StackSource for Names {
        fn capture(&self) -> RawStack {
            RawStack::default()
        }

        fn resolve(&self, _: &RawStack) -> Option<watchpost_protocol::Stacktrace> {
            None
        }

        fn frames(&self, addresses: &[usize]) -> Vec<Vec<Frame>> {
            let named = |name: &str| Frame { function: Some(name.to_owned()), ..Frame::default() };
            let at =
                |address: &usize| if *address == 7 { vec![named("inner"), named("outer")] } else { vec![] };
            addresses.iter().map(at).collect()
        }
    }

    fn seen(thread: u64, stack: &[usize]) -> StackSample {
        let name = Some(format!("worker-{thread}"));
        StackSample {
            at: Instant::now(),
            thread: Arc::new(SampledThread { id: thread, name }),
            stack: stack.into(),
        }
    }

    #[test]
    fn stacks_and_frames_are_told_once_and_the_innermost_first() {
        let seen = [seen(1, &[7, 8]), seen(2, &[9, 8]), seen(1, &[7, 8])];
        let (samples, _) = samples(&seen, Some(&Names), |_, thread, stack| (thread.to_string(), stack));
        let shown = |frame: &Frame| match frame.instruction_addr {
            Some(address) => address.to_string(),
            None => frame.function.clone().unwrap(),
        };
        let frames: Vec<_> = samples.frames.iter().map(shown).collect();
        assert_eq!(frames, ["inner", "outer", "0x8", "0x9"]);
        assert_eq!(samples.stacks, [vec![0, 1, 2], vec![3, 2]]);
        let sample = |thread: &str, stack| (thread.to_owned(), stack);
        assert_eq!(samples.samples, [sample("1", 0), sample("2", 1), sample("1", 0)]);
        assert_eq!(samples.thread_metadata["2"].name.as_deref(), Some("worker-2"));
    }

    #[test]
    fn without_names_there_are_addresses() {
        let (samples, images) = samples(&[seen(1, &[7])], None, |_, _, stack| stack);
        assert_eq!(samples.frames[0].instruction_addr, Some(Addr(7)));
        assert!(images.is_empty());
    }

    #[test]
    fn what_the_server_wants_of_the_system_is_there_in_any_case() {
        let os = os(None);
        assert!(os.name.is_some() && os.version.is_some());
    }
}
