//! Decided once, at the root (`protocol.md` §8.6).

use std::sync::Arc;

use watchpost_protocol::{SpanId, TraceId, TransactionSource};

use crate::error::InitError;
use crate::fields::Fields;
use crate::mute;
use crate::propagation_context::PropagationContext;
use crate::unharmed::unharmed;

/// A share between 0 and 1, checked where it enters.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::SampleRate;
///
/// assert!(SampleRate::try_from(0.2).is_ok());
/// assert!(SampleRate::try_from(f64::NAN).is_err());
/// assert_eq!(
///     SampleRate::try_from(1.5).unwrap_err().to_string(),
///     "invalid sample rate: 1.5 is not a number between 0.0 and 1.0"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct SampleRate(f64);

impl SampleRate {
    /// Everything.
    pub const ALL: SampleRate = SampleRate(1.0);
    /// Nothing.
    pub const NONE: SampleRate = SampleRate(0.0);

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether a roll of the dice in `[0, 1)` falls below the rate.
    pub(crate) fn keeps(self, rand: f64) -> bool {
        rand < self.0
    }
}

impl TryFrom<f64> for SampleRate {
    type Error = InitError;

    fn try_from(rate: f64) -> Result<Self, InitError> {
        if (0.0..=1.0).contains(&rate) {
            Ok(SampleRate(rate))
        } else {
            Err(InitError::SampleRate(rate.to_string()))
        }
    }
}

/// What a `traces_sampler` is asked about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SamplingContext<'a> {
    /// The name of the root span.
    pub name: &'a str,
    /// Its operation, as `http.server`.
    pub op: Option<&'a str>,
    /// What the name is.
    pub source: TransactionSource,
    /// The attributes that it starts with: the fields of a tracing span, what the request layer knows of a request, what the program gave the
    /// builder. What is set later is not known yet.
    pub attributes: &'a Fields,
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// The span of the other process that it continues.
    pub parent_span_id: Option<SpanId>,
    /// What that process decided.
    pub parent_sampled: Option<bool>,
    /// The rate that the head of the trace used.
    pub parent_sample_rate: Option<f64>,
}

/// What a `traces_sampler` answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// Keep this share. A number outside 0 to 1 keeps nothing, and says so under `debug`.
    Rate(f64),
    /// Keep it.
    Keep,
    /// Do not keep it.
    Drop,
    /// Do what would be done without a sampler: follow the parent, else `traces_sample_rate`.
    Inherit,
}

/// A function that decides about each trace that begins here.
pub type TracesSampler = Arc<dyn Fn(&SamplingContext<'_>) -> Decision + Send + Sync>;

/// How a root span was decided on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampled {
    pub(crate) sampled: bool,
    /// The rate that decided; `None` where there was none: the sampler's answer was no number, or it left the decision to nobody.
    pub(crate) rate: Option<f64>,
    /// Whether a sampler decided: the only decision that changes a sampling context that came in (§8.4).
    pub(crate) by_sampler: bool,
}

impl Sampled {
    /// The decision where there is no room. Says, too, whether that is why the trace is not kept.
    pub(crate) fn refused(self) -> (Self, bool) {
        (Sampled { sampled: false, rate: Some(0.0), ..self }, self.sampled)
    }

    /// The decision at a rate that is halved so often. Says, too, whether that is why the trace is not kept.
    pub(crate) fn halved(self, times: u32, sample_rand: f64) -> (Self, bool) {
        let Some(rate) = self.rate.filter(|_| times > 0) else { return (self, false) };
        let rate = SampleRate(rate / f64::from(1u32 << times.min(31)));
        let sampled = self.sampled && rate.keeps(sample_rand);
        (Sampled { sampled, rate: Some(rate.get()), ..self }, self.sampled && !sampled)
    }
}

/// Decides about a root span. `asked` is what the sampler says, if there is one; `None` leaves the decision to the process that has begun the trace,
/// else to the rate.
pub(crate) fn decide(
    asked: Option<Option<SampleRate>>,
    rate: Option<SampleRate>,
    trace: &PropagationContext,
) -> Sampled {
    if let Some(decision) = asked {
        return by_rate(decision, trace.sample_rand, true);
    }
    match trace.parent_sampled {
        Some(true) => {
            // At which rate the head has decided, if it says so: backpressure halves that one.
            let of_head = trace.parent_sample_rate().filter(|rate| trace.sample_rand < *rate);
            Sampled { sampled: true, rate: Some(of_head.unwrap_or(1.0)), by_sampler: false }
        }
        Some(false) => Sampled { sampled: false, rate: Some(0.0), by_sampler: false },
        None => by_rate(rate, trace.sample_rand, false),
    }
}

fn by_rate(rate: Option<SampleRate>, sample_rand: f64, by_sampler: bool) -> Sampled {
    let sampled = rate.is_some_and(|rate| rate.keeps(sample_rand));
    Sampled { sampled, rate: rate.map(SampleRate::get), by_sampler }
}

/// The sampler's answer: `None` if it left the decision to others or failed, `Some(None)` if it was not a rate.
pub(crate) fn ask(sampler: &TracesSampler, context: &SamplingContext<'_>) -> Option<Option<SampleRate>> {
    let _muted = mute::enter(); // a sampler that starts a trace, or enters a span, would be asked about that one, for ever
    match unharmed(|| sampler(context)) {
        Some(Decision::Keep) => Some(Some(SampleRate::ALL)),
        Some(Decision::Drop) => Some(Some(SampleRate::NONE)),
        Some(Decision::Inherit) => None,
        Some(Decision::Rate(rate)) => {
            let checked = SampleRate::try_from(rate);
            if let Err(error) = &checked {
                crate::debug!("traces_sampler: {error}; the trace is not sampled");
            }
            Some(checked.ok())
        }
        None => {
            crate::debug!("traces_sampler panicked: the parent's decision and traces_sample_rate decide");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halved_rate_holds_back_what_it_alone_does_not_keep() {
        let halved = |rate: f64, rand: f64, times| {
            let sampled = Sampled { sampled: rand < rate, rate: Some(rate), by_sampler: false };
            let (sampled, held_back) = sampled.halved(times, rand);
            (sampled.sampled, sampled.rate, held_back)
        };
        assert_eq!(halved(0.5, 0.4, 0), (true, Some(0.5), false));
        assert_eq!(halved(0.5, 0.2, 1), (true, Some(0.25), false));
        assert_eq!(halved(0.5, 0.4, 1), (false, Some(0.25), true));
        assert_eq!(halved(0.5, 0.6, 1), (false, Some(0.25), false), "it was not sampled anyway");
        assert_eq!(halved(1.0, 0.001, 10), (false, Some(1.0 / 1024.0), true));
        let nobody = Sampled { sampled: false, rate: None, by_sampler: false };
        assert_eq!(nobody.halved(3, 0.0), (nobody, false));
    }
}
