//! Profiles: what burns the processor is found, at its moments, on its thread, and linked with its transaction (features P01–P05, I13–I15).
//!
//! Nothing here waits for a time: what works does so until it was seen often enough.
#![cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use watchpost::profiler::{self, Profile, Profiler, ProfilerBackend, Recording, Sampler, Unavailable};
use watchpost::protocol::profile::{ChunkSample, Samples};
use watchpost::protocol::{ItemType, ProfileChunk, Timestamp, Value};
use watchpost::{Client, Options, ProfileLifecycle, Scopes, flush, start_transaction};
use watchpost_testkit::{Captured, Recorder, options};

/// So long it may take until something was seen. It takes a second, unless the machine is very busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// So often something is to be seen.
const ENOUGH: usize = 10;

/// Runs `work` on a thread that is called so, with a client of its own; hands back what that captured.
fn on_thread(name: &str, options: Options, work: impl FnOnce(&Recorder) + Send) -> Captured {
    let recorder = Recorder::new();
    let stacks = watchpost::process::Stacks::default();
    let client = Client::new(options.stack_source(stacks).transport(recorder.clone())).unwrap();
    thread::scope(|scope| {
        let run = || {
            let _entered = Arc::new(Scopes::of_client(&client)).attach();
            work(&recorder);
        };
        thread::Builder::new().name(name.into()).spawn_scoped(scope, run).unwrap().join().unwrap();
    });
    client.close(None);
    recorder.captured()
}

fn with_sampler() -> Options {
    options().profiler(Sampler::default())
}

fn of_sessions(lifecycle: ProfileLifecycle) -> Options {
    with_sampler().profile_session_sample_rate(1.0).unwrap().profile_lifecycle(lifecycle)
}

/// Works, and looks every now and then, until enough is there to be seen.
fn until(mut work: impl FnMut(), mut enough: impl FnMut() -> bool) {
    let began = Instant::now();
    while !enough() {
        assert!(began.elapsed() < PATIENCE, "nothing was seen for a long time");
        for _ in 0..50 {
            work();
        }
    }
}

#[inline(never)]
fn price_carts() -> u64 {
    burn(1)
}

#[inline(never)]
fn print_invoices() -> u64 {
    burn(2)
}

#[inline(never)]
fn burn(seed: u64) -> u64 {
    let mut number = seed;
    for step in 0..40_000_u64 {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step));
    }
    number
}

/// Whether a stack has a function of that name.
fn has<S>(samples: &Samples<S>, stack: usize, function: &str) -> bool {
    let frame = |at: &usize| samples.frames[*at].function.as_deref();
    samples.stacks[stack].iter().filter_map(frame).any(|name| name.ends_with(function))
}

/// The samples in which a function was seen on a thread: those of other tests work meanwhile.
fn seen<'a>(
    chunks: &'a [ProfileChunk],
    thread: &str,
    function: &str,
) -> Vec<(&'a ProfileChunk, &'a ChunkSample)> {
    let with_chunk =
        |chunk: &'a ProfileChunk| chunk.profile.samples.iter().map(move |sample| (chunk, sample));
    let all = chunks.iter().flat_map(with_chunk);
    let is_thread = |chunk: &ProfileChunk, sample: &ChunkSample| {
        chunk.profile.thread_metadata[&*sample.thread_id].name.as_deref() == Some(thread)
    };
    all.filter(|(chunk, sample)| is_thread(chunk, sample) && has(&chunk.profile, sample.stack_id, function))
        .collect()
}

fn sees(recorder: &Recorder, thread: &str, function: &str) -> bool {
    flush(None);
    seen(&recorder.captured().profile_chunks(), thread, function).len() >= ENOUGH
}

#[test]
fn what_burns_the_processor_is_found_with_its_moment_and_its_thread() {
    let began = Timestamp::from(std::time::SystemTime::now());
    let captured = on_thread("pricer", of_sessions(ProfileLifecycle::Manual), |recorder| {
        profiler::start();
        let root = start_transaction("price").enter();
        root.child("carts").finish();
        until(|| _ = black_box(price_carts()), || sees(recorder, "pricer", "price_carts"));
        profiler::stop();
    });
    let ended = Timestamp::from(std::time::SystemTime::now());
    let chunks = captured.profile_chunks();
    let transaction = captured.transactions().remove(0);
    let data = transaction.contexts.trace.unwrap().data;
    assert_eq!(transaction.spans[0].data["profiler_id"], data["profiler_id"]);
    for (chunk, sample) in seen(&chunks, "pricer", "price_carts") {
        assert!(began <= sample.timestamp && sample.timestamp <= ended, "{sample:?}");
        assert_eq!(Value::from(&*sample.thread_id), data["thread.id"]);
        let name = chunk.profile.thread_metadata[&*sample.thread_id].name.as_deref();
        assert_eq!((name, &data["thread.name"]), (Some("pricer"), &Value::from("pricer")));
    }
    let frames = chunks.iter().flat_map(|chunk| &chunk.profile.frames);
    let own: Vec<_> =
        frames.filter(|frame| frame.function.as_deref() == Some("profiling::price_carts")).collect();
    assert!(!own.is_empty());
    for frame in own {
        assert_eq!((frame.in_app, frame.module.as_deref()), (Some(true), Some("profiling")));
        assert!(frame.instruction_addr.is_some());
    }
    for chunk in &chunks {
        let moments: Vec<_> = chunk.profile.samples.iter().map(|sample| sample.timestamp).collect();
        assert!(moments.is_sorted());
        assert_eq!(Some(Value::from(chunk.profiler_id.to_string())), data.get("profiler_id").cloned());
        assert_eq!(transaction.contexts.other["profile"]["profiler_id"], chunk.profiler_id.to_string());
        assert!(cfg!(not(target_os = "linux")) || !chunk.debug_meta.as_ref().unwrap().images.is_empty());
    }
    let ids: BTreeSet<_> = chunks.iter().map(|chunk| chunk.chunk_id).collect();
    assert_eq!(ids.len(), chunks.len(), "each chunk has an id of its own");
    let envelopes = captured.envelopes().iter();
    let mut with_chunks = envelopes.filter(|envelope| envelope.items[0].header.ty == ItemType::ProfileChunk);
    assert!(with_chunks.all(|envelope| envelope.items[0].header.platform.as_deref() == Some("rust")));
}

/// The stack goes from the innermost function to the first one of the thread: callers come after those they call.
#[test]
fn a_stack_is_told_from_the_inside_to_the_outside() {
    let captured = on_thread("deep", of_sessions(ProfileLifecycle::Manual), |recorder| {
        profiler::start();
        until(|| _ = black_box(price_carts()), || sees(recorder, "deep", "price_carts"));
    });
    let chunks = captured.profile_chunks();
    for (chunk, sample) in seen(&chunks, "deep", "price_carts") {
        let names = chunk.profile.stacks[sample.stack_id]
            .iter()
            .map(|&at| chunk.profile.frames[at].function.as_deref());
        let names: Vec<_> = names.map(Option::unwrap_or_default).collect();
        let at = |function: &str| names.iter().position(|name| name.ends_with(function));
        assert!(at("burn") < at("price_carts"), "{names:?}");
        assert!(at("price_carts") < at("until"), "{names:?}");
        assert!(
            names.iter().any(|name| name.contains("thread")),
            "it goes on to where the thread began: {names:?}"
        );
    }
}

#[test]
fn starting_twice_is_once_and_after_a_stop_it_is_another_run() {
    let captured = on_thread("twice", of_sessions(ProfileLifecycle::Manual), |recorder| {
        profiler::start();
        profiler::start();
        until(|| _ = black_box(price_carts()), || sees(recorder, "twice", "price_carts"));
        profiler::stop();
        profiler::stop();
        profiler::start();
        until(|| _ = black_box(print_invoices()), || sees(recorder, "twice", "print_invoices"));
    });
    let chunks = captured.profile_chunks();
    let runs: BTreeSet<_> = chunks.iter().map(|chunk| chunk.profiler_id).collect();
    assert_eq!(runs.len(), 2);
    let run_of = |function| {
        seen(&chunks, "twice", function).iter().map(|(chunk, _)| chunk.profiler_id).collect::<BTreeSet<_>>()
    };
    assert!(run_of("price_carts").is_disjoint(&run_of("print_invoices")));
}

#[test]
fn a_session_that_is_not_sampled_has_no_chunks() {
    let unsampled = with_sampler().profile_session_sample_rate(0.0).unwrap();
    let captured = on_thread("unsampled", unsampled, |_| {
        profiler::start();
        let _root = start_transaction("price").enter();
        black_box(price_carts());
        profiler::stop();
    });
    assert!(captured.profile_chunks().is_empty());
    assert!(!captured.transactions()[0].contexts.other.contains_key("profile"));
}

#[test]
fn with_transactions_the_profiler_runs_while_a_sampled_one_is_open() {
    let mut rounds = 0;
    let captured = on_thread("in_turns", of_sessions(ProfileLifecycle::Trace), |recorder| {
        profiler::start(); // is not what makes it run
        let enough = || sees(recorder, "in_turns", "price_carts");
        until(
            || {
                let _root = start_transaction("price").enter();
                (0..20).for_each(|_| _ = black_box(price_carts()));
                rounds += 1;
            },
            enough,
        );
        for _ in 0..rounds {
            (0..20).for_each(|_| _ = black_box(print_invoices()));
            let _unsampled = start_transaction("print").sampled(false).enter();
            (0..20).for_each(|_| _ = black_box(print_invoices()));
        }
    });
    let chunks = captured.profile_chunks();
    // One that was on its way when the transaction ended may still be seen.
    assert!(seen(&chunks, "in_turns", "print_invoices").len() <= 1);
    let run = BTreeSet::from_iter(chunks.iter().map(|chunk| chunk.profiler_id.to_string()));
    assert_eq!(run.len(), 1, "what was sampled in turns is one run");
    for transaction in captured.transactions() {
        let profile = &transaction.contexts.other["profile"]["profiler_id"];
        assert!(run.contains(profile.as_str().unwrap()), "{profile}");
    }
}

#[test]
fn a_chunk_is_sent_when_it_is_old_enough_though_nobody_asks_for_it() {
    let short = of_sessions(ProfileLifecycle::Manual).profile_chunk_length(Duration::from_millis(1));
    on_thread("short", short, |recorder| {
        profiler::start();
        let enough = || recorder.captured().profile_chunks().len() >= 2;
        until(|| _ = black_box(price_carts()), enough);
    });
}

#[test]
fn a_profile_rides_with_its_transaction() {
    let options = with_sampler().profiles_sample_rate(1.0).unwrap();
    let captured =
        on_thread("riding", options.integration(watchpost::process::ContextIntegration), |recorder| {
            let mut rounds = 1;
            let began = Instant::now();
            loop {
                let root = start_transaction("price").enter();
                (0..rounds).for_each(|_| _ = black_box(price_carts()));
                drop(root);
                flush(None);
                let profiles = recorder.captured().profiles();
                let sees = |sample: &_, profile: &_| has(profile, stack_of(sample), "price_carts");
                let enough = |profile: &watchpost::protocol::Profile| {
                    profile.profile.samples.iter().filter(|sample| sees(sample, &profile.profile)).count()
                        >= ENOUGH
                };
                if profiles.iter().any(enough) {
                    break;
                }
                assert!(began.elapsed() < PATIENCE, "nothing was seen for a long time");
                rounds *= 2;
            }
        });
    let profile = captured.profiles().pop().unwrap();
    let id = profile.event_id.to_string();
    let mut envelopes = captured.envelopes().iter();
    let envelope =
        envelopes.find(|envelope| envelope.items.iter().any(|item| is_profile(item, &id))).unwrap();
    let types: Vec<_> = envelope.items.iter().map(|item| item.header.ty.clone()).collect();
    assert_eq!(types[..2], [ItemType::Transaction, ItemType::Profile]);
    let transaction: watchpost::Transaction = envelope.items[0].decode().unwrap();
    let trace = transaction.contexts.trace.unwrap();
    assert_eq!(transaction.contexts.other["profile"]["profile_id"], id);
    assert_eq!(profile.transaction.id, transaction.event_id);
    assert_eq!(
        (profile.transaction.name.as_str(), profile.transaction.trace_id),
        ("price", Some(trace.trace_id))
    );
    assert_eq!(Value::from(profile.transaction.active_thread_id), trace.data["thread.id"]);
    assert_eq!(Some(profile.timestamp), transaction.start_timestamp);
    assert!(
        profile.os.name.is_some() && profile.os.version.is_some() && !profile.device.architecture.is_empty()
    );
    let elapsed: Vec<_> =
        profile.profile.samples.iter().map(|sample| sample.elapsed_since_start_ns).collect();
    let lasted = transaction.timestamp.unwrap().saturating_since(profile.timestamp);
    assert!(elapsed.is_sorted());
    assert!(elapsed.iter().all(|&nanos| Duration::from_nanos(nanos) <= lasted), "{elapsed:?} in {lasted:?}");
}

fn stack_of(sample: &watchpost::protocol::profile::ElapsedSample) -> usize {
    sample.stack_id
}

fn is_profile(item: &watchpost::protocol::Item, id: &str) -> bool {
    item.header.ty == ItemType::Profile && item.decode::<Value>().unwrap()["event_id"] == id
}

#[test]
fn the_program_may_ask_for_the_profile_of_a_transaction() {
    let captured = on_thread("by_hand", with_sampler(), |recorder| {
        let mut rounds = 1;
        while recorder.captured().profiles().is_empty() {
            let root = start_transaction("import").start();
            let profile = Profile::new(&root);
            assert!(profile.is_recording());
            assert!(!Profile::new(&root).is_recording(), "it has one already");
            (0..rounds).for_each(|_| _ = black_box(price_carts()));
            profile.finish();
            root.finish();
            flush(None);
            assert!(rounds < 1 << 20, "nothing was seen for a long time");
            rounds *= 2;
        }
        let unsampled = start_transaction("export").sampled(false).start();
        assert!(!Profile::new(&unsampled).is_recording());
    });
    let mut transactions = captured.transactions();
    assert_eq!(transactions.pop().unwrap().transaction, "import");
}

/// Has a sample of nothing.
struct Blind;

impl Profiler for Blind {
    fn record(&self, _: &Arc<Recording>) -> Result<(), Unavailable> {
        Ok(())
    }
}

#[test]
fn what_is_not_profiled_is_counted() {
    let transaction =
        |options: Options| on_thread("unseen", options, |_| drop(start_transaction("price").enter()));
    let unsampled = transaction(with_sampler().profiles_sample_rate(0.0).unwrap());
    assert_eq!(unsampled.losses(), ["sample_rate/profile: 1"]);
    let unseen = transaction(options().profiler(Blind).profiles_sample_rate(1.0).unwrap());
    assert_eq!(unseen.losses(), ["insufficient_data/profile: 1"]);
    for captured in [unsampled, unseen] {
        assert!(captured.profiles().is_empty());
        assert!(!captured.transactions()[0].contexts.other.contains_key("profile"));
    }
}

#[test]
fn a_transaction_that_a_hook_drops_takes_its_profile_along() {
    /// Sees one thing, again and again.
    struct Insistent;
    impl Profiler for Insistent {
        fn record(&self, recording: &Arc<Recording>) -> Result<(), Unavailable> {
            let thread = Arc::default();
            let sample = profiler::StackSample { at: Instant::now(), thread, stack: [1].into() };
            (0..3).for_each(|_| recording.add(&sample));
            Ok(())
        }
    }
    let options =
        options().profiler(Insistent).profiles_sample_rate(1.0).unwrap().before_send_transaction(|_| None);
    let captured = on_thread("dropped", options, |_| drop(start_transaction("price").enter()));
    assert!(captured.profiles().is_empty());
    let losses = captured.losses();
    assert!(losses.contains(&"before_send/profile: 1".to_owned()), "{losses:?}");
}

#[test]
fn a_profiler_that_panics_harms_nobody() {
    struct Bomb;
    impl Profiler for Bomb {
        fn record(&self, _: &Arc<Recording>) -> Result<(), Unavailable> {
            panic!("no samples");
        }
        fn thread_id(&self) -> Option<u64> {
            panic!("no number");
        }
    }
    let options = options().profiler(Bomb).profile_session_sample_rate(1.0).unwrap();
    let captured = on_thread("bomb", options, |_| {
        profiler::start();
        drop(start_transaction("price").enter());
    });
    assert_eq!(captured.transactions().len(), 1);
}

#[test]
fn without_a_profiler_there_is_nothing_to_start() {
    let captured =
        on_thread("none", options().profile_session_sample_rate(1.0).unwrap(), |_| profiler::start());
    assert!(captured.envelopes().is_empty());
    assert_eq!(ProfilerBackend::default(), ProfilerBackend::Thread);
}
