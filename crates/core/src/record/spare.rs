//! Buffers that are used again: the worker gives back what it has read, and the next trace is recorded in it.
//!
//! Otherwise each trace takes memory on one thread and gives it back on another, which costs both of them more than the recording does.

use std::sync::{Mutex, TryLockError};

use super::Buffer;

/// How many are kept, and how large they may be in bytes: half a megabyte in the worst case, 80 kB as a rule.
const MOST: usize = 32;
const LARGEST: usize = 16 * 1024;

/// Empty buffers of one client.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Buffer>>);

impl Spare {
    /// A buffer to record in: an old one, if there is one at hand.
    pub(crate) fn take(&self) -> Buffer {
        self.with(Vec::pop).flatten().unwrap_or_default()
    }

    /// Keeps a buffer that nobody needs any more, if it is worth it.
    pub(crate) fn put(&self, mut buffer: Buffer) {
        if buffer.weight() > LARGEST {
            return;
        }
        buffer.clear(); // drops what is the program's: outside the lock
        let mut left = Some(buffer);
        self.with(|kept| {
            if kept.len() < MOST {
                kept.extend(left.take());
            }
        });
    }

    /// Does something with those that are kept. `None` if somebody else does just now: nobody waits for a buffer.
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Buffer>) -> T) -> Option<T> {
        match self.0.try_lock() {
            Ok(mut kept) => Some(act(&mut kept)),
            Err(TryLockError::Poisoned(kept)) => Some(act(&mut kept.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use watchpost_protocol::{SpanId, SpanStatus};

    use super::*;
    use crate::fields::Fields;
    use crate::origin::{Origin, Site, SpanInit};
    use crate::record::{Opening, Slot};

    fn record(buffer: &mut Buffer, spans: usize) {
        let mut fields = Fields::new();
        fields.push("query", "SELECT 1".into());
        for _ in 0..spans {
            let init = SpanInit { name: "span".into(), op: None, origin: "manual", site: Site::default() };
            let origin = Origin::ByHand(Box::new(init));
            let (span_id, start) = (SpanId::from_bytes([1; 8]), Instant::now());
            let opening =
                Opening { span_id, parent: Slot::ROOT, origin, key: (1, 1), start, fields: &fields };
            let slot = buffer.open(opening).unwrap();
            buffer.record(slot, &fields);
            buffer.set_name(slot, "other".into());
            buffer.close(slot, start, SpanStatus::Ok);
            buffer.find((1, 1));
        }
    }

    #[test]
    fn one_that_comes_back_is_as_good_as_new_and_has_its_memory() {
        let spare = Spare::default();
        let mut buffer = spare.take();
        record(&mut buffer, 5);
        let rows = buffer.rows.as_ptr();
        spare.put(buffer);
        let mut again = spare.take();
        assert_eq!(again.rows.as_ptr(), rows);
        again.rows = Vec::new();
        again.fields = Fields::new();
        again.later = Vec::new();
        assert_eq!(format!("{again:?}"), format!("{:?}", Buffer::default()));
    }

    #[test]
    fn few_are_kept_and_no_large_ones() {
        let spare = Spare::default();
        (0..2 * MOST).for_each(|_| spare.put(Buffer::default()));
        let mut large = Buffer::default();
        record(&mut large, 900);
        spare.put(large);
        assert_eq!(spare.0.lock().unwrap().len(), MOST);
        assert!((0..MOST).all(|_| spare.take().weight() == 0));
    }
}
