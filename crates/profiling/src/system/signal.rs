//! The one module with `unsafe` code: a signal handler that copies where a thread is, and the few calls to the system that safe Rust has no name for.
//!
//! It leaves that in a [`Slot`]. Slots are static, so that a handler that comes late finds them as they were. If all are taken, a sample is given up.

mod slot;

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::slot::Slot;

/// How much of a stack is copied. A page that nobody has written to takes no memory.
const STACK: usize = 128 * 1024;
/// How many threads may answer before anybody looks at what they said.
pub(super) const SLOTS: usize = 16;
/// As long as a name may be: macOS has 64 bytes, Linux 16.
const NAME: usize = 64;

static TABLE: [Slot<Answer>; SLOTS] = [const { Slot::new(Answer::NONE) }; SLOTS];
/// Whether anybody wants an answer.
static ON: AtomicBool = AtomicBool::new(false);

/// What a thread says of itself when it is interrupted.
pub(super) struct Answer {
    /// When, as [`now`] counts.
    pub(super) nanos: u64,
    pub(super) thread: u64,
    name: [u8; NAME],
    pub(super) registers: Registers,
    length: usize,
    stack: [u8; STACK],
}

/// Where a thread was.
#[derive(Clone, Copy)]
pub(super) struct Registers {
    pub(super) pc: u64,
    pub(super) sp: u64,
    pub(super) fp: u64,
    /// The return address of a function that calls no other; AArch64 has one.
    #[cfg_attr(target_arch = "x86_64", expect(dead_code, reason = "it is on the stack there"))]
    pub(super) lr: u64,
}

impl Answer {
    const NONE: Answer = Answer {
        nanos: 0,
        thread: 0,
        name: [0; NAME],
        registers: Registers { pc: 0, sp: 0, fp: 0, lr: 0 },
        length: 0,
        stack: [0; STACK],
    };

    /// The stack from the innermost end on, as far as it was copied.
    pub(super) fn stack(&self) -> &[u8] {
        &self.stack[..self.length.min(STACK)]
    }

    pub(super) fn name(&self) -> &[u8] {
        let length = self.name.iter().position(|&byte| byte == 0).unwrap_or(NAME);
        &self.name[..length]
    }
}

/// Whether threads that are interrupted answer.
pub(super) fn switch(on: bool) {
    ON.store(on, Ordering::Release);
}

/// Shows what was answered since the last time. One thread at a time may collect; others would see what this one does not.
pub(super) fn collect(mut show: impl FnMut(&Answer)) {
    TABLE.iter().for_each(|slot| slot.take(&mut show));
}

/// In a process that was forked: the threads that were about to answer are not here.
pub(super) fn forget_all() {
    TABLE.iter().for_each(Slot::forget);
}

/// Has SIGPROF handled here, unless the program has a handler of its own. It stays so: a signal that comes late would end the process otherwise.
pub(super) fn install() -> Result<(), &'static str> {
    const FOREIGN: &str = "the program has a handler for SIGPROF of its own, which is left as it is";
    if is_ours() {
        return Ok(());
    }
    if handler().is_none_or(|handler| handler.sa_sigaction != libc::SIG_DFL) {
        return Err(FOREIGN);
    }
    // SAFETY: all zero is a valid `sigaction`: no flags, an empty mask, and the default action until it is set below.
    let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.sa_sigaction = interrupted as *const () as usize;
    // Most calls that wait go on after the signal; and a thread whose stack has run out has another one for signals.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both point to a `sigaction` of this function; the handler has the type that SA_SIGINFO asks for, and does only what a handler may.
    if unsafe { libc::sigaction(libc::SIGPROF, &ours, before.as_mut_ptr()) } != 0 {
        return Err("the system does not let SIGPROF be handled");
    }
    // SAFETY: it was zeroed, which is valid, and then written by the call, which succeeded.
    let before: libc::sigaction = unsafe { before.assume_init() };
    if before.sa_sigaction != libc::SIG_DFL {
        // Somebody was faster by a hair.
        // SAFETY: what is put back is what was there.
        unsafe { libc::sigaction(libc::SIGPROF, &before, ptr::null_mut()) };
        return Err(FOREIGN);
    }
    Ok(())
}

/// Whether SIGPROF is still handled here.
pub(super) fn is_ours() -> bool {
    handler().is_some_and(|handler| handler.sa_sigaction == interrupted as *const () as usize)
}

fn handler() -> Option<libc::sigaction> {
    let mut now = MaybeUninit::zeroed();
    // SAFETY: the first pointer may be null, which only asks; the second is to a `sigaction` of this function.
    let asked = unsafe { libc::sigaction(libc::SIGPROF, ptr::null(), now.as_mut_ptr()) };
    // SAFETY: it was zeroed, which is valid, and if the call succeeded it was written.
    (asked == 0).then(|| unsafe { now.assume_init() })
}

/// Runs on the thread that is interrupted, between any two of its instructions: it may hold any lock, and be in the middle of an allocation. So there
/// is neither here, nor anything that might panic.
extern "C" fn interrupted(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    if !ON.load(Ordering::Acquire) {
        return;
    }
    let errno = errno();
    // SAFETY: the address is that of this thread's own `errno`, which lives as long as the thread. It is no reference: the calls below write there too.
    let before = unsafe { *errno };
    // SAFETY: the kernel gives a handler with SA_SIGINFO the context of its thread, which is there until the handler returns.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    // It cannot be interrupted by itself: the signal is blocked while it is handled.
    let _given_up = !TABLE.iter().any(|slot| slot.fill(|answer| answer.write(context)));
    // SAFETY: as above.
    unsafe { *errno = before };
}

impl Answer {
    /// Says where the thread that this runs on was interrupted.
    fn write(&mut self, context: &libc::ucontext_t) {
        self.nanos = now();
        self.registers = registers(context);
        self.thread = thread_id();
        name_thread(&mut self.name);
        self.length = copy_stack(self.registers.sp, &mut self.stack);
    }
}

/// The clock of [`Instant`](std::time::Instant), in nanoseconds. A handler may ask it.
pub(super) fn now() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    #[cfg(target_os = "macos")]
    const CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW;
    clock(CLOCK).unwrap_or(0)
}

fn clock(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of this function; an unknown clock is an error, and nothing else.
    let asked = unsafe { libc::clock_gettime(clock, &mut time) };
    (asked == 0).then(|| (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64))
}

/// Whether nobody else uses the timer.
pub(super) fn is_timer_free() -> bool {
    let mut timer = MaybeUninit::<libc::itimerval>::zeroed();
    // SAFETY: the pointer is to an `itimerval` of this function.
    let asked = unsafe { libc::getitimer(libc::ITIMER_PROF, timer.as_mut_ptr()) };
    // SAFETY: all zero is a valid `itimerval`, and the call has written it if it succeeded.
    let timer = unsafe { timer.assume_init() };
    asked == 0 && timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0
}

/// Has the kernel interrupt whichever thread runs, each time so much processor time is used up; `None`: not any more.
pub(super) fn set_timer(period: Option<Duration>) {
    let period = period.unwrap_or_default();
    let interval = libc::timeval { tv_sec: period.as_secs() as _, tv_usec: period.subsec_micros() as _ };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the first pointer is to an `itimerval` of this function; the second may be null, which does not ask for the one before.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) };
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::*;

    /// The clock of a thread's processor time is its number, shifted, and these bits: what `pthread_getcpuclockid` makes of it.
    const OF_A_THREAD: libc::clockid_t = 0b110;

    pub(super) fn errno() -> *mut c_int {
        // SAFETY: it has no preconditions.
        unsafe { libc::__errno_location() }
    }

    #[cfg(target_arch = "x86_64")]
    pub(super) fn registers(context: &libc::ucontext_t) -> Registers {
        let register = |which: c_int| context.uc_mcontext.gregs[which as usize] as u64;
        Registers {
            pc: register(libc::REG_RIP),
            sp: register(libc::REG_RSP),
            fp: register(libc::REG_RBP),
            lr: 0,
        }
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) fn registers(context: &libc::ucontext_t) -> Registers {
        let libc::mcontext_t { pc, sp, regs, .. } = &context.uc_mcontext;
        Registers { pc: *pc, sp: *sp, fp: regs[29], lr: regs[30] }
    }

    /// The kernel's number of this thread.
    pub(crate) fn thread_id() -> u64 {
        // SAFETY: it has no preconditions and no arguments.
        unsafe { libc::syscall(libc::SYS_gettid) as u64 }
    }

    fn own_id() -> libc::pid_t {
        std::process::id() as libc::pid_t
    }

    pub(super) fn name_thread(name: &mut [u8; NAME]) {
        name[0] = 0;
        // SAFETY: the kernel writes 16 bytes at most, the last of them a zero; there is room for more.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    }

    /// Copies what is at `from` and above it, as far as there is anything. The kernel copies, which knows where memory ends: a plain copy would be killed there.
    pub(super) fn copy_stack(from: u64, into: &mut [u8]) -> usize {
        let here = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
        let there =
            libc::iovec { iov_base: ptr::with_exposed_provenance_mut(from as usize), iov_len: into.len() };
        let one: libc::c_ulong = 1;
        let none: libc::c_ulong = 0;
        // SAFETY: the kernel writes at most `iov_len` bytes to `here`, which are borrowed mutably; what it cannot read of `there` it leaves out.
        let copied = unsafe {
            libc::syscall(
                libc::SYS_process_vm_readv,
                own_id(),
                &raw const here,
                one,
                &raw const there,
                one,
                none,
            )
        };
        usize::try_from(copied).unwrap_or(0)
    }

    /// How long a thread of this process was on a processor, in nanoseconds; `None` if there is no such thread.
    pub(crate) fn processor_time(thread: u64) -> Option<u64> {
        let thread = libc::clockid_t::try_from(thread).ok()?;
        clock((!thread << 3) | OF_A_THREAD)
    }

    /// Interrupts a thread of this process. If there is none of that number, nothing happens.
    pub(crate) fn interrupt(thread: u64) {
        let none: c_int = 0;
        let thread = libc::pid_t::try_from(thread).unwrap_or(none);
        // SAFETY: the signal is handled: see `install`, and nobody undoes it but the program itself, which is looked at now and then.
        unsafe { libc::syscall(libc::SYS_tgkill, own_id(), thread, libc::SIGPROF) };
    }
}

#[cfg(target_os = "macos")]
mod kernel {
    use super::*;

    pub(super) fn errno() -> *mut c_int {
        // SAFETY: it has no preconditions.
        unsafe { libc::__error() }
    }

    pub(super) fn registers(context: &libc::ucontext_t) -> Registers {
        // SAFETY: the context of a thread points to its registers, which are there as long as it is.
        let state = unsafe { &(*context.uc_mcontext).__ss };
        #[cfg(target_arch = "x86_64")]
        return Registers { pc: state.__rip, sp: state.__rsp, fp: state.__rbp, lr: 0 };
        #[cfg(target_arch = "aarch64")]
        return Registers { pc: state.__pc, sp: state.__sp, fp: state.__fp, lr: state.__lr };
    }

    /// The system's number of this thread.
    pub(crate) fn thread_id() -> u64 {
        let mut id = 0;
        // SAFETY: zero means the thread that asks; the pointer is to a number of this function.
        unsafe { libc::pthread_threadid_np(0, &mut id) };
        id
    }

    pub(super) fn name_thread(name: &mut [u8; NAME]) {
        name[0] = 0;
        // SAFETY: it takes no argument, and a thread is always one.
        let here = unsafe { libc::pthread_self() };
        // SAFETY: what it writes, with a zero at the end, is no longer than it is told.
        unsafe { libc::pthread_getname_np(here, name.as_mut_ptr().cast(), NAME) };
    }

    /// Copies the stack of this thread from `from` to its end, if `from` is in it: a thread that is on another stack has none to show.
    pub(super) fn copy_stack(from: u64, into: &mut [u8]) -> usize {
        // SAFETY: it takes no argument, and a thread is always one.
        let here = unsafe { libc::pthread_self() };
        // SAFETY: the thread is this one, which is there.
        let end = unsafe { libc::pthread_get_stackaddr_np(here) } as u64;
        // SAFETY: as above.
        let size = unsafe { libc::pthread_get_stacksize_np(here) } as u64;
        if from >= end || end - from > size {
            return 0;
        }
        let length = into.len().min((end - from) as usize);
        let stack = ptr::with_exposed_provenance::<u8>(from as usize);
        // SAFETY: a thread's stack can be read from where it is to its end; it is not the memory of a slot, which is static; and no reference to it is made.
        unsafe { ptr::copy_nonoverlapping(stack, into.as_mut_ptr(), length) };
        length
    }
}

pub(super) use kernel::thread_id;
use kernel::{copy_stack, errno, name_thread, registers};
#[cfg(target_os = "linux")]
pub(super) use kernel::{interrupt, processor_time};

/// Whether stacks can be copied at all: a sandbox may not allow it.
pub(super) fn can_copy() -> bool {
    let (here, mut copy) = ([7_u8; 64], [0; 8]);
    copy_stack(here.as_ptr().expose_provenance() as u64, &mut copy) == 8 && copy == [7; 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_copied_as_far_as_it_can_be_read() {
        assert!(can_copy());
        let mut copy = [1; 64];
        assert_eq!(copy_stack(16, &mut copy), 0, "nothing is there, and nothing happens");
        let end_of_the_world = u64::MAX - 8;
        assert_eq!(copy_stack(end_of_the_world, &mut copy), 0);
    }

    #[test]
    fn the_clock_is_that_of_instants() {
        use std::time::Instant;
        let look = || (Instant::now(), now(), Instant::now());
        let (first, second) = (look(), look());
        let between = Duration::from_nanos(second.1 - first.1);
        assert!(second.0 - first.2 <= between && between <= second.2 - first.0, "{first:?} {second:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_has_processor_time_and_what_is_none_has_not() {
        let here = thread_id();
        let before = processor_time(here).unwrap();
        while processor_time(here).unwrap() == before {}
        assert_eq!(processor_time(u64::from(u32::MAX)), None);
        let gone = std::thread::spawn(thread_id).join().unwrap();
        interrupt(gone); // and nothing happens
    }
}
