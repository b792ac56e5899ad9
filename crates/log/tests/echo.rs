//! Values that misbehave while they are printed: in a file of its own, because the logger is the process's.

use std::fmt;

use watchpost_log::LogBridge;

/// Logs itself while it is printed.
struct Echo;

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        log::info!("printing {Echo}");
        f.write_str("echo")
    }
}

/// Panics when it is printed.
struct Unprintable;

impl fmt::Display for Unprintable {
    #[expect(clippy::panic, reason = "a value that panics is what is tested")]
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a Display that panics")
    }
}

#[test]
fn a_value_that_logs_itself_or_panics_harms_nobody() {
    LogBridge::new().init().unwrap();
    let captured = watchpost_testkit::capture(|| {
        log::info!("heard {Echo}");
        log::info!("never heard {Unprintable}");
        log::error!("failed");
    });
    assert_eq!(captured.draw(), "error: failed\n  - info: heard echo\n  - info: never heard \n");
}
