//! The reminder of the batches (`reminder.rs`): nothing that was gathered is forgotten.

use loom::model;
use loom::sync::atomic::AtomicU32;
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::reminder::Reminder;

const HERE: u32 = 7;

struct Batches {
    gathered: Mutex<u32>,
    reminder: Reminder,
    /// Whether a worker will come and look; under the lock of the outbox.
    told: Mutex<bool>,
}

impl Batches {
    fn add(&self) {
        let first = {
            let mut gathered = self.gathered.lock().unwrap();
            *gathered += 1;
            *gathered == 1
        };
        if first && self.reminder.is_due(HERE) {
            *self.told.lock().unwrap() = true;
        }
    }

    fn take(&self) {
        self.reminder.begin_anew();
        *self.gathered.lock().unwrap() = 0;
    }

    /// A worker looks, if it was told.
    fn work(&self) {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        if told {
            self.take();
        }
    }
}

/// While a worker looks and a flush takes: it finds a reminder that begins anew only after what there is was taken, and one that is asked for before
/// anything was added.
#[test]
fn whatever_is_gathered_somebody_was_told_to_look() {
    model(|| {
        let (gathered, told) = (Mutex::new(0), Mutex::new(false));
        let batches = Arc::new(Batches { gathered, reminder: Reminder(AtomicU32::new(0)), told });
        let threads = [Batches::add, Batches::work, Batches::take].map(|work: fn(&Batches)| {
            let batches = Arc::clone(&batches);
            thread::spawn(move || work(&batches))
        });
        batches.add();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let left = *batches.gathered.lock().unwrap();
        let told = *batches.told.lock().unwrap();
        assert!(left == 0 || told, "{left} wait, and nobody knows");
    });
}
