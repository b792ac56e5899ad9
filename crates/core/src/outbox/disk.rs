//! What goes to the spool and when it comes back: the outbox's side of the disk.
//!
//! ```text
//!   queue ── nearly full, the server gone for a while, the time of a close up ──▶ [ spool ]
//!   crash ── before it is sent ─────────────────────────────────────────────────▶ [ spool ] ── one at a time ──▶ deliver
//!   under way ── no answer at last, or none by the deadline ────────────────────▶ [ spool ]
//! ```
//!
//! Workers write and read, never who captures. What the spool has is delivered one envelope at a time: so a process that is killed leaves at
//! most one that has arrived and is still there, and a server that comes back is not overrun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use watchpost_protocol::{DiscardReason, Envelope};

use super::delivery::Answered;
use super::hold::Hold;
use super::queue::{Entry, Label, Priority};
use super::{End, Prepare, Shared, State};
use crate::rng::{self, ThreadRng};
use crate::spool::{Rank, Refused, Room};
use crate::unharmed::unharmed;

/// From one envelope that came from the disk to the next (`protocol.md` §2.9).
const PACE: Duration = Duration::from_millis(100);

/// How often to look for what other processes have left.
const LOOK: Duration = Duration::from_secs(60);

/// How long nothing is written after the disk has failed, and nothing read while a rate limit holds back what there may be.
const RESPITE: Duration = Duration::from_secs(1);

/// A claim to what the disk has, or as what it is lost.
type Kept = Result<Hold, DiscardReason>;

/// What is known of the disk, under the outbox's lock. Without a spool nothing of it ever changes.
#[derive(Default)]
pub(super) struct Disk {
    /// Whether there is a spool.
    pub(super) exists: bool,
    /// Whether an envelope of the spool is under way.
    draining: bool,
    /// When it is time to look what there is. `None`: at once.
    look_at: Option<Instant>,
    /// Whether the last look has found nothing.
    empty: bool,
    /// While it has failed.
    failed_until: Option<Instant>,
    /// Whether the last that was taken was to be kept: the next is to be sent, if it can be.
    pub(super) kept_last: bool,
    /// The time of a close is nearly up: everything goes to the disk, and nothing comes from it.
    last_call: bool,
    under_way: Vec<UnderWay>,
}

/// An envelope without an answer so far.
struct UnderWay {
    number: u64,
    rank: Rank,
    envelope: Arc<Envelope>,
    copy: OnDisk,
}

/// Whether what is under way is on the disk, too.
pub(super) enum OnDisk {
    None,
    /// A worker is writing it; and when it has ended meanwhile, whether there was an answer.
    Writing(Option<bool>),
    Kept(Hold),
    /// The disk would not take it.
    Failed,
}

impl OnDisk {
    /// It has met its fate.
    pub(super) fn settle(self) {
        if let OnDisk::Kept(claim) = self {
            claim.settle();
        }
    }
}

impl Disk {
    pub(super) fn new(exists: bool) -> Self {
        Disk { exists, ..Disk::default() }
    }

    fn is_well(&self) -> bool {
        self.exists && self.failed_until.is_none_or(|until| Instant::now() >= until)
    }

    /// A close has no more time: the rest is kept.
    pub(super) fn last_call(&mut self) {
        (self.last_call, self.failed_until) = (self.exists, None);
    }

    /// Whether something is to be kept before the end.
    pub(super) fn is_called(&self) -> bool {
        self.last_call
    }

    /// What was under way has ended; `answered`: it need not be kept.
    pub(super) fn lands(&mut self, number: u64, answered: bool) -> OnDisk {
        let Some(at) = self.under_way.iter().position(|one| one.number == number) else {
            return OnDisk::None;
        };
        if let OnDisk::Writing(ended) = &mut self.under_way[at].copy {
            *ended = Some(answered);
            return OnDisk::Writing(*ended); // who writes it sees to it
        }
        self.under_way.swap_remove(at).copy
    }

    /// What is to be kept though it is under way, because nobody can wait for it.
    fn take_stranded(&mut self) -> Option<(u64, Rank, Arc<Envelope>)> {
        let stranded = self.under_way.iter_mut().find(|one| matches!(one.copy, OnDisk::None))?;
        stranded.copy = OnDisk::Writing(None);
        Some((stranded.number, stranded.rank, Arc::clone(&stranded.envelope)))
    }

    /// It is written, or could not be; hands back what is left to do: the copy of one that has ended, and whether that was answered.
    fn written(&mut self, number: u64, copy: Kept) -> Option<(Kept, bool)> {
        let at = self.under_way.iter().position(|one| one.number == number)?;
        if let OnDisk::Writing(Some(answered)) = self.under_way[at].copy {
            self.under_way.swap_remove(at);
            return Some((copy, answered));
        }
        self.under_way[at].copy = copy.map_or(OnDisk::Failed, OnDisk::Kept);
        None
    }

    fn look_after(&mut self, pause: Duration) {
        self.look_at = Some(Instant::now() + pause);
    }
}

impl Label {
    pub(super) fn rank(&self) -> Rank {
        Rank { level: self.priority as u8, category: self.category }
    }
}

/// What a worker has to do for the disk.
pub(super) enum DiskTask {
    /// Something is under way that nobody can wait for.
    KeepStranded(u64, Rank, Arc<Envelope>),
    /// There may be something to send.
    Drain,
}

impl<J> State<J> {
    /// Whether what waits goes to the disk now, the least important first.
    pub(super) fn is_to_be_kept(&self) -> bool {
        let disk = &self.disk;
        disk.is_well()
            && self.queue.waiting() > 0
            && (disk.last_call
                || self.queue.is_crowded()
                || (self.outage.is_long() && self.pause().is_some()))
    }

    /// Whether what is to be kept has to wait its turn, because something can be sent.
    pub(super) fn sends_first(&self) -> bool {
        self.disk.kept_last && !self.disk.last_call && self.crew.may_deliver() && self.pause().is_none()
    }

    pub(super) fn disk_task(&mut self) -> Option<DiskTask> {
        if self.disk.last_call {
            let (number, rank, envelope) = self.disk.take_stranded()?;
            return Some(DiskTask::KeepStranded(number, rank, envelope));
        }
        if !self.until_drain()?.is_zero() {
            return None;
        }
        self.disk.draining = true;
        Some(DiskTask::Drain)
    }

    /// How long until it is time to send something from the disk. `None`: somebody sees to it, or there is nothing to see to.
    pub(super) fn until_drain(&self) -> Option<Duration> {
        let disk = &self.disk;
        if !disk.exists || disk.draining || disk.last_call || !self.crew.may_deliver() {
            return None;
        }
        if self.end == End::Open {
            let look = disk.look_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            return Some(look.max(self.pause().unwrap_or_default()));
        }
        // In the end what there is goes as fast as the server takes it, as long as it does and there is time.
        (!disk.empty && !self.outage.is_on()).then_some(Duration::ZERO)
    }
}

impl<P: Prepare> Shared<P> {
    /// Has an envelope kept, or says as what it is lost if nobody else takes it.
    pub(super) fn keep(&self, envelope: &Envelope, rank: Rank, room: Room) -> Kept {
        let spool = self.wire.spool.as_ref().ok_or(DiscardReason::NetworkError)?;
        let kept = unharmed(|| spool.keep(envelope, rank, room, &self.wire.losses));
        match kept.unwrap_or_else(|| Err(Refused::Failed("it panicked".into()))) {
            Ok(claim) => {
                let claim = Hold::of(claim);
                let mut state = self.lock();
                if state.disk.empty {
                    state.disk.empty = false;
                    state.disk.look_after(PACE);
                }
                Ok(claim)
            }
            Err(refused) => {
                self.lock().disk.failed_until = Some(Instant::now() + RESPITE);
                self.cry(format!("what cannot be sent is not kept: {refused}"));
                Err(match refused {
                    Refused::Full => DiscardReason::CacheOverflow,
                    Refused::Failed(_) => DiscardReason::NetworkError,
                })
            }
        }
    }

    /// Notes what is about to be sent: a close that cannot wait for it has it kept.
    pub(super) fn note_departure(&self, entry: &Entry<P::Job>, envelope: &Arc<Envelope>) {
        if self.wire.spool.is_some() {
            let (rank, envelope) = (entry.label.rank(), Arc::clone(envelope));
            let under_way = UnderWay { number: entry.number, rank, envelope, copy: OnDisk::None };
            self.lock().disk.under_way.push(under_way);
        }
    }

    /// Keeps what was under way when a close could wait no longer.
    pub(super) fn keep_stranded(&self, number: u64, rank: Rank, envelope: &Arc<Envelope>) {
        let copy = self.keep(envelope, rank, Room::Make);
        let ended = self.lock().disk.written(number, copy);
        match ended {
            None | Some((Err(_), true)) => {}
            Some((Ok(claim), true)) => claim.settle(),
            Some((Ok(_claim), false)) => {} // it stays there
            Some((Err(reason), false)) => self.wire.lose(reason, &envelope.items),
        }
    }

    /// Sends one envelope of the spool, if there is one.
    pub(super) fn drain(&self) {
        let draining = Draining { shared: self };
        let Some(spool) = &self.wire.spool else { return };
        let may_go = |category| !self.wire.is_limited(category);
        let next = unharmed(|| spool.next(&may_go, &self.wire.losses)).flatten();
        let Some((envelope, claim)) = next else {
            // What a rate limit holds back is not for the next process to lose either: so this one does not look any more once it is closed.
            let limited = self.wire.limits.any_in_force(self.wire.now());
            let mut state = self.lock();
            state.disk.empty = !limited || state.end > End::Open;
            state.disk.look_after(if limited { RESPITE } else { LOOK });
            return;
        };
        self.deliver_kept(envelope, Hold::of(claim));
        drop(draining);
    }

    /// Sends what is on the disk, and takes it from there if it has met its fate.
    fn deliver_kept(&self, envelope: Envelope, claim: Hold) {
        let began = Instant::now();
        let mut state = self.lock();
        state.crew.departs(began);
        state.outage.try_now(began);
        drop(state);
        let answered = unharmed(|| self.deliver(Arc::new(envelope))).unwrap_or(Answered::Settled);
        let kept = matches!(answered, Answered::Unreachable(_));
        if kept {
            drop(claim)
        } else {
            claim.settle()
        }
        let now = Instant::now();
        let mut state = self.lock();
        state.crew.returns_after(began.elapsed());
        state.disk.look_after(PACE);
        match answered {
            Answered::Settled => state.outage.over(now),
            Answered::NothingLeft => {}
            Answered::Unreachable(_) => state.outage.failed(began, now, rng::sample_rand(&ThreadRng)),
        }
    }

    /// Keeps what may be the last that this process says, before it is sent, and claims the turn to send from the disk.
    pub(super) fn keep_first(&self, envelope: &Envelope, label: &Label) -> KeptFirst<'_, P> {
        if label.priority != Priority::Crash {
            return KeptFirst::No;
        }
        let Ok(claim) = self.keep(envelope, label.rank(), Room::Make) else { return KeptFirst::No };
        match std::mem::replace(&mut self.lock().disk.draining, true) {
            true => KeptFirst::ForLater,
            false => KeptFirst::Mine(claim, Draining { shared: self }),
        }
    }
}

/// Whether something is on the disk before it is sent.
pub(super) enum KeptFirst<'a, P: Prepare> {
    No,
    /// It is, and nothing else of the disk is under way.
    Mine(Hold, Draining<'a, P>),
    /// It is the next to be sent from there.
    ForLater,
}

/// Whoever sends from the disk. However that ends, the next may.
pub(super) struct Draining<'a, P: Prepare> {
    shared: &'a Shared<P>,
}

impl<P: Prepare> Drop for Draining<'_, P> {
    fn drop(&mut self) {
        self.shared.lock().disk.draining = false;
    }
}
