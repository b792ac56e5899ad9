//! Rate limits in force: which category may not be sent until when (`protocol.md` §3.2).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use watchpost_protocol::{Category, RateLimit, RateLimitCategories};

/// Deadlines by category. They simply expire.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Whether there ever was a limit: the gate on the caller is this one load until then.
    any: AtomicBool,
    deadlines: Mutex<Deadlines>,
}

#[derive(Debug, Default)]
struct Deadlines {
    all: Option<Instant>,
    by_category: Vec<(Category, Instant)>,
}

impl Deadlines {
    fn extend(&mut self, category: Category, until: Instant) {
        match self.by_category.iter_mut().find(|(known, _)| *known == category) {
            Some((_, deadline)) => *deadline = until.max(*deadline),
            None => self.by_category.push((category, until)),
        }
    }

    fn of(&self, category: Category) -> Option<Instant> {
        let own = self.by_category.iter().find(|(known, _)| *known == category).map(|&(_, until)| until);
        self.all.max(own)
    }
}

impl Limits {
    /// Puts the limits of an answer in force; where two disagree, the later deadline stays.
    pub(crate) fn apply(&self, limits: &[RateLimit], now: Instant) {
        if limits.is_empty() {
            return;
        }
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            // A year is as good as for ever, and keeps the sum far from overflow. A negative or odd number is over at once.
            let seconds = limit.seconds.clamp(0.0, 31_536_000.0);
            let until = now + Duration::from_secs_f64(seconds);
            match &limit.categories {
                RateLimitCategories::All => deadlines.all = deadlines.all.max(Some(until)),
                RateLimitCategories::Some(categories) => {
                    for &category in categories {
                        deadlines.extend(category, until);
                    }
                }
            }
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// Whether nothing of this category may be sent now.
    pub(crate) fn is_limited(&self, category: Category, now: impl FnOnce() -> Instant) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let now = now();
        let deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        deadlines.of(category).is_some_and(|until| now < until)
    }

    /// Whether there is any limit now, on whatever it is.
    pub(crate) fn any_in_force(&self, now: Instant) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        let own = deadlines.by_category.iter().map(|(_, until)| until);
        deadlines.all.iter().chain(own).any(|&until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use watchpost_protocol::rate_limit::parse_rate_limits;

    use super::*;

    fn after(seconds: u64) -> Instant {
        static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
        *ZERO + Duration::from_secs(seconds)
    }

    fn limited(limits: &Limits, category: Category, seconds: u64) -> bool {
        limits.is_limited(category, || after(seconds))
    }

    #[test]
    fn a_limit_holds_for_its_categories_until_its_deadline() {
        let limits = Limits::default();
        limits.apply(&parse_rate_limits("60:transaction:key, 2:error:organization"), after(0));

        assert!(limited(&limits, Category::Transaction, 59));
        assert!(!limited(&limits, Category::Transaction, 60));
        assert!(limited(&limits, Category::Error, 1));
        assert!(!limited(&limits, Category::Session, 0));
    }

    #[test]
    fn the_later_deadline_stays_and_all_means_all() {
        let limits = Limits::default();
        limits.apply(&parse_rate_limits("10:error:key"), after(0));
        limits.apply(&parse_rate_limits("1:error:key"), after(0));
        assert!(limited(&limits, Category::Error, 9));

        limits.apply(&parse_rate_limits("30::organization"), after(0));
        assert!(limited(&limits, Category::Internal, 29));
        limits.apply(&parse_rate_limits("-1:session:key"), after(40));
        assert!(!limited(&limits, Category::Session, 40));
    }
}
