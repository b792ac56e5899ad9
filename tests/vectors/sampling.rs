//! Who decides whether a trace is kept, and what of a trace that is not kept is counted.

use serde_json::{Value, json};
use watchpost::protocol::propagation::{format_sample_rand, sample_rand_interval};
use watchpost::protocol::{Category, DynamicSamplingContext, RateLimit, RateLimitCategories};
use watchpost::{Decision, Delivery, Options, Rng, continue_trace, start_transaction};
use watchpost_testkit::{Recorder, capture_with, options};

use crate::reports::lost;
use crate::support::Watched;
use crate::support::clock::Wound;
use crate::support::transports::Scripted;
use crate::traces::{INCOMING, program};
use crate::{Outcome, Vector, equal, list, number, only, switch, unknown};

pub(crate) fn sampling(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("unhealthy_checks") || has("healthy_check_after_factor") {
        return backpressure(vector);
    }
    if has("incoming_sample_rate") { interval(vector) } else { decision(vector) }
}

/// How often the rate is halved after each look at a client that has a rate limit, and at one that has none any more.
fn backpressure(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["unhealthy_checks", "interval_s", "healthy_check_after_factor"])?;
    only(vector.expected, &["downsample_factor_after_each", "downsample_factor", "effective_rate"])?;
    let unhealthy = ["unhealthy_checks", "healthy_check_after_factor"].map(|key| vector.input[key].as_u64());
    let unhealthy = unhealthy.into_iter().flatten().next().ok_or_else(unknown)?;
    let interval = vector.input["interval_s"].as_u64().unwrap_or(10);
    let seconds = (unhealthy * interval + interval / 2) as f64; // over before the next
    let limit = RateLimit { seconds, categories: RateLimitCategories::Some(vec![Category::Feedback]) };
    let (clock, recorder) = (Wound::new(), Recorder::new());
    let transport = Scripted::new(&recorder, [Delivery::Accepted { limits: vec![limit] }]);
    let watched = Watched::over(options().clock(clock.clone()).transport(transport), recorder);
    let factors = watched.run(|| {
        watchpost::capture_message("m");
        watchpost::flush(None);
        let factor = |check| {
            clock.set(check * interval);
            let _root = start_transaction("foo").enter();
            let told = DynamicSamplingContext::from_baggage(&watchpost::baggage().unwrap_or_default());
            told.sample_rate().map(|rate| (1.0 / rate).log2())
        };
        (1..=unhealthy + 1).map(factor).collect::<Option<Vec<f64>>>()
    });
    let factors = factors.ok_or("a trace does not tell its rate")?;
    let (after, recovered) = factors.split_at(unhealthy as usize);
    match &vector.expected["downsample_factor_after_each"] {
        Value::Null => equal(&json!(recovered), &json!([number(vector.expected, "downsample_factor")?])),
        each => {
            let each = list(each)?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
            equal(Some(after.to_vec()), each)
        }
    }
}

/// Where the dice fall for a trace that came in with a decision but without its dice.
fn interval(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["parent_sampled", "incoming_sample_rate"])?;
    only(vector.expected, &["sample_rand_interval_half_open"])?;
    let (sampled, rate) =
        (switch(vector.input, "parent_sampled")?, number(vector.input, "incoming_sample_rate")?);
    let interval = sample_rand_interval(sampled, rate);
    equal(&json!([interval.start, interval.end]), &vector.expected["sample_rand_interval_half_open"])
}

/// What was decided about one root span.
#[derive(Debug, PartialEq)]
struct Decided {
    sampled: bool,
    sample_rate: Option<f64>,
    sent: u64,
    lost: Vec<String>,
}

fn decision(vector: &Vector<'_>) -> Outcome {
    let input = vector.input;
    only(input, &["sample_rand", "traces_sample_rate", "traces_sampler", "parent_sampled", "sample_rate"])?;
    only(vector.expected, &["sampled", "sample_rate", "sent", "lost"])?;
    let theirs = Decided {
        sampled: switch(vector.expected, "sampled")?.ok_or_else(unknown)?,
        sample_rate: number(vector.expected, "sample_rate")?,
        sent: vector.expected["sent"].as_u64().ok_or_else(unknown)?,
        lost: lost(&vector.expected["lost"])?,
    };

    let rand = number(input, "sample_rand")?;
    let parent = switch(input, "parent_sampled")?;
    let mut options = traces_sampler(traces_sample_rate(program()?, input)?, input)?;
    if let Some(rate) = number(input, "sample_rate")? {
        options = options.sample_rate(rate).map_err(|error| error.to_string())?;
    }
    if let Some(rand) = rand {
        options = options.rng(Loaded((rand * 1e6).round() as u64));
    }
    let (mut recording, mut told, mut tracing) = (false, DynamicSamplingContext::default(), false);
    let captured = capture_with(options, || {
        let root = match parent {
            None => start_transaction("foo"),
            Some(sampled) => continue_trace(request(sampled, rand)).name("foo"),
        };
        let root = root.enter();
        (recording, tracing) = (root.is_recording(), root.trace_id().is_some());
        told = DynamicSamplingContext::from_baggage(&watchpost::baggage().unwrap_or_default());
    });
    if let Some(rand) = rand {
        equal(told.get("sample_rand"), Some(format_sample_rand(rand).as_str()))?;
    }
    // A decision that is only followed is all or nothing, and nobody is told of a rate.
    let followed = parent.filter(|_| tracing && !answers(input)).map(|sampled| f64::from(u8::from(sampled)));
    let ours = Decided {
        sampled: recording,
        sample_rate: followed.or(if tracing { told.sample_rate() } else { None }),
        sent: captured.transactions().len() as u64,
        lost: captured.losses(),
    };
    equal(ours, theirs)
}

/// The headers of a request whose sender has decided. They say a little of the trace, so that one can see who adds what.
fn request(sampled: bool, rand: Option<f64>) -> [(&'static str, String); 2] {
    let mut baggage = format!("sentry-trace_id={INCOMING}");
    if let Some(rand) = rand {
        baggage += &format!(",sentry-sample_rand={}", format_sample_rand(rand));
    }
    [("sentry-trace", format!("{INCOMING}-0415201309082013-{}", u8::from(sampled))), ("baggage", baggage)]
}

/// Dice that always fall the same way: on so many millionths.
struct Loaded(u64);

impl Rng for Loaded {
    fn next_u64(&self) -> u64 {
        7_000_000 + self.0 // no id is zero
    }
}

/// The options with the rate of the vector, if it has one.
pub(crate) fn traces_sample_rate(options: Options, input: &Value) -> Result<Options, String> {
    match number(input, "traces_sample_rate")? {
        Some(rate) => options.traces_sample_rate(rate).map_err(|error| error.to_string()),
        None => Ok(options),
    }
}

/// The options with the sampler of the vector, if it has one. An answer that is no number cannot be given in Rust but as one that is not.
pub(crate) fn traces_sampler(options: Options, input: &Value) -> Result<Options, String> {
    Ok(match &input["traces_sampler"] {
        Value::Null => options,
        Value::Bool(true) => options.traces_sampler(|_| Decision::Keep),
        Value::Bool(false) => options.traces_sampler(|_| Decision::Drop),
        Value::String(answer) if answer == RAISES => {
            options.traces_sampler(|_| panic!("as the vector wants"))
        }
        answer => {
            let rate = answer.as_str().map(|text| text.parse().unwrap_or(f64::NAN)).or(answer.as_f64());
            let rate = rate.ok_or_else(unknown)?;
            options.traces_sampler(move |_| Decision::Rate(rate))
        }
    })
}

/// The sampler that fails, and so has no answer.
const RAISES: &str = "raises";

fn answers(input: &Value) -> bool {
    !input["traces_sampler"].is_null() && input["traces_sampler"] != RAISES
}
