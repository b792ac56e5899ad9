//! Who goes first where there are more threads to run than processors.

/// How much less a thread that gives way is worth to the scheduler: beside a thread of the program it gets a sixth of a processor that
/// both want, and one that nobody else wants it has for itself. With much more it would hold the locks that it shares with the program's threads for
/// too long: eight threads that were busy on one processor waited up to three seconds for it with 19, and with 5 to 10 no longer than for
/// a thread that does not give way.
#[cfg(target_os = "linux")]
const NICE: i32 = 7;

/// Lets all other threads of the program go before this one, from now on: there is no way back. Threads that it starts later give way, too.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // Linux has a priority for each thread, where POSIX has one for the process.
    if let Err(error) = rustix::process::nice(NICE) {
        crate::debug!("a worker has the priority of the program's own threads: {error}");
    }
}

/// Elsewhere a program can not lower the priority of one thread without code that the compiler does not check.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}
