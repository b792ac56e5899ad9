//! Who decides about a trace, what a sampler is told, and the dice that fall once for all of its processes.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and a sampler fails on purpose"
)]

use std::sync::{Arc, Mutex};

use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::protocol::DynamicSamplingContext;
use watchpost::{Decision, Options, Rng, baggage, continue_trace, start_transaction};
use watchpost_testkit::{capture_with, options};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Tracing is not switched on by itself.
fn untraced() -> Options {
    let options = Options::new().use_environment(false).shutdown_timeout(std::time::Duration::from_secs(60));
    options.dsn("https://k@o7.ingest.invalid/1").unwrap().default_integrations(false)
}

fn quiet() -> Options {
    options().default_integrations(false)
}

fn subscribed<T>(program: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, program)
}

/// What the outgoing baggage says of the trace now.
fn told() -> DynamicSamplingContext {
    DynamicSamplingContext::from_baggage(&baggage().unwrap_or_default())
}

/// Dice that always fall on so many millionths.
struct Loaded(u64);

impl Rng for Loaded {
    fn next_u64(&self) -> u64 {
        7_000_000 + self.0 // no id is zero
    }
}

/// The headers of a request: its decision, and what its baggage says.
fn incoming(flag: &str, baggage: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("sentry-trace", format!("{TRACE}-{PARENT}{flag}"))];
    if !baggage.is_empty() {
        headers.push(("baggage", baggage.to_owned()));
    }
    headers
}

const BAGGAGE: &str = "other=1,sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-public_key=front,\
    sentry-sample_rate=0.5,sentry-sample_rand=0.250000,sentry-sampled=true,sentry-transaction=page";

#[test]
fn a_sampler_is_told_what_is_known() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&asked);
    let options = quiet().traces_sampler(move |context| {
        let attributes: Vec<_> =
            context.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        list.lock().unwrap().push(format!(
            "{} {:?} {} {:?} {:?} {}",
            context.name,
            context.op,
            attributes.join(" "),
            context.parent_sampled,
            context.parent_sample_rate,
            context.parent_span_id.is_some()
        ));
        Decision::Keep
    });
    capture_with(options, || {
        let root =
            continue_trace(incoming("-0", BAGGAGE)).name("import").op("task").attribute("rows", 3).enter();
        assert!(root.is_recording());
        drop(root);
        watchpost::with_isolation_scope(|_| {
            subscribed(|| info_span!("export", rows = 4, kind = "full").in_scope(|| ()));
        });
        start_transaction("by hand").attribute("rows", 5).start().finish();
    });
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], "import Some(\"task\") rows=3 Some(false) Some(0.5) true");
    assert!(asked[1].starts_with("export") && asked[1].contains(" rows=4 kind=full "), "{}", asked[1]);
}

/// A sampler that fails leaves the decision to the caller, then to the rate; where neither says anything, nothing is kept.
#[test]
fn a_sampler_that_fails_is_as_if_there_were_none() {
    let kept = |options: Options, headers: &[(&'static str, String)]| {
        let options = options.traces_sampler(|_| panic!("no answer"));
        let headers = headers.iter().map(|(name, value)| (*name, value));
        let captured = capture_with(options, || continue_trace(headers).name("work").start().finish());
        captured.transactions().len() == 1
    };
    let rate = |rate: f64| untraced().traces_sample_rate(rate).unwrap();
    assert!(kept(rate(0.0), &incoming("-1", BAGGAGE)) && !kept(rate(1.0), &incoming("-0", BAGGAGE)));
    assert!(kept(rate(1.0), &[]) && !kept(rate(0.0), &[]));
    assert!(kept(untraced(), &incoming("-1", BAGGAGE)) && !kept(untraced(), &[]));
}

/// The dice of a trace are thrown where it begins; who continues it makes the same of them (§8.5).
#[test]
fn the_dice_fall_once() {
    let continued = |baggage: &str, flag: &str, dice: u64| {
        let mut now = DynamicSamplingContext::default();
        let captured =
            capture_with(quiet().rng(Loaded(dice)).traces_sampler(|_| Decision::Rate(0.5)), || {
                let _root = continue_trace(incoming(flag, baggage)).name("work").enter();
                now = told();
            });
        (captured.transactions().len() == 1, now.get("sample_rand").map(str::to_owned))
    };
    let rand = |rand: &str| Some(rand.to_owned());
    let context = |rest: &str| format!("sentry-trace_id={TRACE},sentry-public_key=front{rest}");
    assert_eq!(continued(&context(",sentry-sample_rand=0.400000"), "", 900_000), (true, rand("0.400000")));
    for invalid in ["1.0", "-0.1", "x", "nan"] {
        let baggage = context(&format!(",sentry-sample_rand={invalid}"));
        assert_eq!(continued(&baggage, "", 900_000), (false, rand("0.900000")), "{invalid}");
    }
    let decided = |rate: &str| context(&format!(",sentry-sample_rate={rate}"));
    assert!(continued(&decided("0.1"), "-1", 950_000).0, "below 0.1: kept at 0.5");
    assert!(!continued(&decided("0.9"), "-0", 0).0, "from 0.9: not kept at 0.5");
    // No number agrees with these: none is told.
    assert_eq!(continued(&decided("0.0"), "-1", 950_000), (true, None));
    assert_eq!(continued(&decided("1.0"), "-0", 0), (false, None));
    let contradicting = context(",sentry-sample_rate=0.0,sentry-sample_rand=x");
    assert_eq!(continued(&contradicting, "-1", 950_000), (true, None), "what is no number is not passed on");
}
