//! Which threads are on a processor, as the kernel's files and clocks say.
//!
//! To ask a clock costs some 200 ns, to read a file 10 µs: so the clocks of all threads are asked, and the files of those only that have done something since.

use std::fs;

use super::signal;

/// So many times it is looked at the same threads before it is looked for new ones.
const ROUNDS: u32 = 10;

pub(super) struct Threads {
    /// The profiler's own.
    own: u64,
    known: Vec<Known>,
    rounds: u32,
    /// Whose turn it is to be the first: there may be more than can be interrupted at once.
    first: usize,
}

struct Known {
    id: u64,
    /// How long it was on a processor when it was looked at last.
    spent: u64,
}

impl Threads {
    pub(super) fn besides(own: u64) -> Self {
        Threads { own, known: Vec::new(), rounds: 0, first: 0 }
    }

    /// Interrupts those that are on a processor, or wait for one. One that waits for anything else is left alone: what it waits for might end too soon.
    pub(super) fn interrupt(&mut self) {
        if self.rounds.is_multiple_of(ROUNDS) {
            self.look();
        }
        self.rounds = self.rounds.wrapping_add(1);
        self.first = self.first.wrapping_add(1) % self.known.len().max(1);
        let (before, from) = self.known.split_at_mut(self.first);
        let busy = from.iter_mut().chain(before).filter_map(Known::has_worked).filter(|&thread| runs(thread));
        busy.take(signal::SLOTS).for_each(signal::interrupt);
    }

    /// Looks for threads that are new, and for those that are gone.
    fn look(&mut self) {
        let Ok(entries) = fs::read_dir("/proc/self/task") else { return };
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u64>().ok();
        let mut there: Vec<u64> = entries.flatten().filter_map(number).filter(|&id| id != self.own).collect();
        there.sort_unstable();
        self.known.retain(|known| there.binary_search(&known.id).is_ok());
        for id in there {
            if self.known.iter().all(|known| known.id != id) {
                self.known.push(Known { id, spent: signal::processor_time(id).unwrap_or(0) });
            }
        }
    }
}

impl Known {
    /// Its number, if it was on a processor since it was asked last.
    fn has_worked(&mut self) -> Option<u64> {
        let spent = signal::processor_time(self.id)?;
        (std::mem::replace(&mut self.spent, spent) < spent).then_some(self.id)
    }
}

fn runs(thread: u64) -> bool {
    fs::read(format!("/proc/self/task/{thread}/stat")).is_ok_and(|stat| state(&stat) == Some(b'R'))
}

/// The state of a thread: what comes after its name, which stands in brackets and may hold some itself.
fn state(stat: &[u8]) -> Option<u8> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_after_the_name_whatever_it_is() {
        assert_eq!(state(b"17 (a) R (b)) S 1 17 17 0 -1"), Some(b'S'));
        assert_eq!(state(b"17 (shop) R 1"), Some(b'R'));
        assert_eq!(state(b"17 (shop)"), None);
        assert_eq!(state(b""), None);
    }

    #[test]
    fn this_thread_runs_and_works_and_its_own_one_is_left_out() {
        let here = signal::thread_id();
        assert!(runs(here));
        let mut threads = Threads::besides(0);
        threads.look();
        let known = threads.known.iter_mut().find(|known| known.id == here).unwrap();
        while known.has_worked().is_none() {}
        let mut others = Threads::besides(here);
        others.look();
        assert!(others.known.iter().all(|known| known.id != here));
    }
}
