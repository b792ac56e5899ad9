//! Rate limits in force: which category may not be sent until when (`protocol.md` §3.2).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use watchpost_protocol::{Category, RateLimit, RateLimitCategories};

/// Deadlines by category, in nanoseconds of the client's monotonic clock. They simply expire.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Whether there ever was a limit: the gate on the caller is this one load until then.
    any: AtomicBool,
    deadlines: Mutex<Deadlines>,
}

#[derive(Debug, Default)]
struct Deadlines {
    all: u64,
    by_category: HashMap<Category, u64>,
}

impl Limits {
    /// Puts the limits of an answer in force; where two disagree, the later deadline stays.
    pub(crate) fn apply(&self, limits: &[RateLimit], now_nanos: u64) {
        if limits.is_empty() {
            return;
        }
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            // A year is as good as for ever, and keeps the sum far from overflow. A negative or odd number is over at once.
            let seconds = limit.seconds.clamp(0.0, 31_536_000.0);
            let until = now_nanos.saturating_add((seconds * 1e9) as u64);
            match &limit.categories {
                RateLimitCategories::All => deadlines.all = deadlines.all.max(until),
                RateLimitCategories::Some(categories) => {
                    for &category in categories {
                        let deadline = deadlines.by_category.entry(category).or_default();
                        *deadline = until.max(*deadline);
                    }
                }
            }
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// Whether nothing of this category may be sent now.
    pub(crate) fn is_limited(&self, category: Category, now_nanos: impl FnOnce() -> u64) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let now = now_nanos();
        let deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        now < deadlines.all || deadlines.by_category.get(&category).is_some_and(|&until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::rate_limit::parse_rate_limits;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limited(limits: &Limits, category: Category, at: u64) -> bool {
        limits.is_limited(category, || at)
    }

    #[test]
    fn a_limit_holds_for_its_categories_until_its_deadline() {
        let limits = Limits::default();
        limits.apply(&parse_rate_limits("60:transaction:key, 2:error:organization"), 0);

        assert!(limited(&limits, Category::Transaction, 59 * SECOND));
        assert!(!limited(&limits, Category::Transaction, 60 * SECOND));
        assert!(limited(&limits, Category::Error, SECOND));
        assert!(!limited(&limits, Category::Session, 0));
    }

    #[test]
    fn the_later_deadline_stays_and_all_means_all() {
        let limits = Limits::default();
        limits.apply(&parse_rate_limits("10:error:key"), 0);
        limits.apply(&parse_rate_limits("1:error:key"), 0);
        assert!(limited(&limits, Category::Error, 9 * SECOND));

        limits.apply(&parse_rate_limits("30::organization"), 0);
        assert!(limited(&limits, Category::Internal, 29 * SECOND));
        limits.apply(&parse_rate_limits("-1:session:key"), 40 * SECOND);
        assert!(!limited(&limits, Category::Session, 40 * SECOND));
    }
}
