//! A claim to what a spool keeps, whose code may be the program's: whatever it does, the outbox goes on.

use crate::spool::Claim;
use crate::unharmed::unharmed;

/// Has an envelope of the spool. Dropped, it leaves it there.
pub(super) struct Hold(Option<Box<dyn Claim>>);

impl Hold {
    pub(super) fn of(claim: Box<dyn Claim>) -> Self {
        Hold(Some(claim))
    }

    /// The envelope has met its fate: it is not kept any longer.
    pub(super) fn settle(mut self) {
        let claim = self.0.take();
        unharmed(|| claim.map(Claim::settle));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let claim = self.0.take();
        unharmed(|| drop(claim));
    }
}
