//! What Watchpost reads from the running process: panics, stacks, and the machine.
