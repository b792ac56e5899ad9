//! From the copy of a stack to return addresses.

use std::sync::Arc;

use framehop::{CacheNative, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder as _, UnwinderNative};

#[cfg(target_os = "linux")]
use super::maps::Maps;
use super::signal::{Answer, Registers};

/// So many frames are kept, the innermost (`protocol.md` §13.1).
const DEEPEST: usize = 128;

/// What is read of a binary to unwind its functions.
pub(super) type Table = Arc<[u8]>;
pub(super) type Native = UnwinderNative<Table, MayAllocateDuringUnwind>;

pub(super) struct Unwinder {
    native: Native,
    cache: CacheNative<MayAllocateDuringUnwind>,
    #[cfg(target_os = "linux")]
    maps: Maps,
}

impl Unwinder {
    pub(super) fn new() -> Self {
        Unwinder {
            native: Native::new(),
            cache: CacheNative::new(),
            #[cfg(target_os = "linux")]
            maps: Maps::default(),
        }
    }

    /// Return addresses, the innermost first; to the first one, which is where the thread was, one is added.
    pub(super) fn stack(&mut self, answer: &Answer) -> Vec<usize> {
        let Answer { registers, .. } = *answer;
        let copy = answer.stack();
        let mut read = |address: u64| {
            let offset = usize::try_from(address.checked_sub(registers.sp).ok_or(())?).map_err(|_| ())?;
            let word = copy.get(offset..).and_then(|rest| rest.first_chunk());
            word.map(|word| u64::from_ne_bytes(*word)).ok_or(())
        };
        #[cfg(target_os = "linux")]
        self.maps.look_for(registers.pc, &mut self.native);
        let mut frames =
            self.native.iter_frames(registers.pc, native(&registers), &mut self.cache, &mut read);
        let mut stack = Vec::new();
        while let (true, Ok(Some(frame))) = (stack.len() < DEEPEST, frames.next()) {
            // Where there is no code, the walk has lost its way.
            #[cfg(target_os = "linux")]
            if !self.maps.hold(frame.address_for_lookup()) {
                break;
            }
            let Ok(address) = usize::try_from(frame.address_for_lookup().wrapping_add(1)) else { break };
            stack.push(address);
        }
        stack
    }
}

#[cfg(target_arch = "x86_64")]
fn native(registers: &Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.pc, registers.sp, registers.fp)
}

#[cfg(target_arch = "aarch64")]
fn native(registers: &Registers) -> UnwindRegsNative {
    // Apple signs return addresses in the upper bits.
    let mask = if cfg!(target_os = "macos") {
        framehop::aarch64::PtrAuthMask::new_24_40()
    } else {
        framehop::aarch64::PtrAuthMask::new_no_strip()
    };
    UnwindRegsNative::new_with_ptr_auth_mask(mask, registers.lr, registers.sp, registers.fp)
}
