//! What is done while the server cannot be reached: wait, longer each time, and try with one envelope.
//!
//! Only what had no answer is sent again: after an answer, whatever it says, an envelope is gone (`protocol.md` §2.8).

use std::time::{Duration, Instant};

/// The first pause after a failure; each is twice as long as the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often the delivery of an envelope may fail before it is lost. Something in it may be the reason, as its size: then it would be in
/// the way of all others for ever.
pub(super) const MAX_FAILURES: u32 = 3;

/// The time since the server could last be reached: one envelope after each pause tries whether it can be again.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// How many tries have failed; zero: there is no outage.
    failures: u32,
    until: Option<Instant>,
    /// When the last of them did.
    failed: Option<Instant>,
    /// When there last was an answer.
    answered: Option<Instant>,
}

impl Outage {
    /// How long nothing may be sent.
    pub(super) fn pause(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now())).filter(|pause| !pause.is_zero())
    }

    /// An envelope is about to be sent. In an outage the others wait for what comes of it, or as long as they would if it failed.
    pub(super) fn try_now(&mut self, now: Instant) {
        if self.failures > 0 {
            self.until = Some(now + pause_after(self.failures));
        }
    }

    /// There was an answer.
    pub(super) fn over(&mut self, now: Instant) {
        *self = Outage { answered: Some(now), ..Outage::default() };
    }

    /// There was none to what was sent when it `began`. `random` of 0 to 1 spreads those who lost the same server at the same time.
    pub(super) fn failed(&mut self, began: Instant, now: Instant, random: f64) {
        let since = |moment: Option<Instant>| moment.is_some_and(|moment| moment > began);
        if since(self.answered) {
            return; // others were answered meanwhile: a connection is broken, and not the server
        }
        if since(self.failed) {
            return; // it was under way when another found out
        }
        let pause = pause_after(self.failures);
        self.failures += 1;
        self.failed = Some(now);
        self.until = Some(now + pause.div_f64(2.0) + pause.mul_f64(random / 2.0));
    }

    /// Whether the last try has failed.
    pub(super) fn is_on(&self) -> bool {
        self.failures > 0
    }

    /// Whether so many tries have failed that nobody should wait for the next.
    pub(super) fn is_long(&self) -> bool {
        self.failures >= MAX_FAILURES
    }

    /// Somebody waits: no pause any more, this time.
    pub(super) fn cut_short(&mut self) {
        self.until = None;
    }
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn pauses_double_up_to_a_minute_and_one_envelope_tries() {
        let (mut outage, mut now) = (Outage::default(), Instant::now());
        outage.try_now(now);
        assert_eq!(outage.pause(|| now), None);
        let mut pauses = Vec::new();
        for _ in 0..11 {
            let began = now;
            outage.try_now(now);
            now += MOMENT;
            outage.failed(began, now, 1.0);
            outage.failed(began, now, 1.0); // another that was under way
            let pause = outage.pause(|| now).unwrap();
            pauses.push(pause.as_millis());
            now += pause;
            assert_eq!(outage.pause(|| now), None);
            outage.try_now(now);
            assert!(outage.pause(|| now) >= Some(pause), "somebody is trying");
        }
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
        outage.over(now);
        outage.try_now(now);
        assert_eq!(outage.pause(|| now), None);
    }

    #[test]
    fn a_broken_connection_is_no_outage_while_others_are_answered() {
        let (mut outage, began) = (Outage::default(), Instant::now());
        outage.over(began + MOMENT);
        outage.failed(began, began + MOMENT, 1.0);
        assert_eq!(outage.pause(|| began), None);
        outage.failed(began + MOMENT, began + MOMENT, 1.0);
        assert!(outage.pause(|| began).is_some());
    }

    #[test]
    fn a_pause_is_spread_and_can_be_cut_short() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        outage.failed(now, now, 0.0);
        assert_eq!(outage.pause(|| now), Some(Duration::from_millis(125)));
        outage.cut_short();
        assert_eq!(outage.pause(|| now), None);
    }
}
