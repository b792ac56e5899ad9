//! Which process something in memory belongs to: a child that was forked has a copy of all that its parent had gathered, which is its
//! parent's to send.

use watchpost_protocol::Timestamp;

/// To ask costs a system call: of what happens all the time, one in so many asks...
const EVERY: u32 = 16;

/// ...and whatever comes so many microseconds after the last that did.
const AT_ONCE: u64 = 100_000;

/// The process that something belongs to, as far as was asked.
#[derive(Debug)]
pub(crate) struct Home {
    process: u32,
    /// When it was last asked about, and how often it was not since.
    asked: Timestamp,
    unasked: u32,
}

impl Home {
    /// This process.
    pub(crate) fn here() -> Self {
        Home { process: std::process::id(), asked: Timestamp::default(), unasked: 0 }
    }

    /// Whether this is another process than the last time: once, for then it is home.
    pub(crate) fn left(&mut self) -> bool {
        let here = std::process::id();
        std::mem::replace(&mut self.process, here) != here
    }

    /// Whether it is time to ask, for something that happens at `now`.
    pub(crate) fn is_to_be_asked(&mut self, now: Timestamp) -> bool {
        self.unasked += 1;
        let due = self.unasked >= EVERY || now.as_micros().abs_diff(self.asked.as_micros()) >= AT_ONCE;
        if due {
            (self.asked, self.unasked) = (now, 0);
        }
        due
    }

    /// In a test: it is another process's.
    #[cfg(test)]
    pub(crate) fn be_elsewhere(&mut self) {
        self.process = u32::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moves_in_is_told_once() {
        let mut home = Home::here();
        home.be_elsewhere();
        assert_eq!([home.left(), home.left()], [true, false]);
    }

    #[test]
    fn a_burst_asks_one_time_in_sixteen_and_what_comes_later_asks_at_once() {
        let mut home = Home::here();
        let start = Timestamp::from_micros(1_000_000_000);
        let mut asks = |micros: i64| home.is_to_be_asked(Timestamp::from_micros(start.as_micros() + micros));
        let burst = (0..32).filter(|&micros| asks(micros)).collect::<Vec<_>>();
        assert_eq!(burst, [0, 16]);
        assert!(asks(100_016));
        assert!(!asks(100_017));
    }
}
