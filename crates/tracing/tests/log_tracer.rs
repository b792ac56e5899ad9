//! Records of `log` that come as events: they keep their own target, and are heard once, whoever hears them first.

use log::{Level, Log, Record};
use tracing::level_filters::LevelFilter;
use tracing_log::LogTracer;
use tracing_subscriber::prelude::*;
use watchpost_log::LogBridge;
use watchpost_testkit::capture;
use watchpost_tracing::{CaptureLayer, EventFilter, Levels};

#[test]
fn a_record_is_heard_once_and_keeps_its_place() {
    let subscriber = || tracing_subscriber::registry().with(watchpost_tracing::layer());
    let bridge = LogBridge::wrapping(LogTracer::new());
    let say = |logger: &dyn log::Log| {
        log::set_max_level(log::LevelFilter::Info);
        for (level, text) in [(log::Level::Info, "loaded"), (log::Level::Error, "failed")] {
            logger.log(
                &log::Record::builder()
                    .level(level)
                    .target("shop::cart")
                    .module_path(Some("shop::cart"))
                    .file(Some("src/cart.rs"))
                    .line(Some(7))
                    .args(format_args!("{text}"))
                    .build(),
            );
        }
    };
    let heard = "error: failed\n  - info: loaded\n";

    let alone = capture(|| tracing::subscriber::with_default(subscriber(), || say(&LogTracer::new())));
    assert_eq!(alone.draw(), heard);
    let event = &alone.events()[0];
    assert_eq!(event.logger.as_deref(), Some("shop::cart"));
    let place = &event.contexts.other["Rust Tracing Location"];
    assert_eq!(*place, serde_json::json!({"module_path": "shop::cart", "file": "src/cart.rs", "line": 7}));
    assert!(!event.contexts.other.contains_key("Rust Tracing Fields"));
    assert_eq!(event.breadcrumbs[0].category.as_deref(), Some("shop::cart"));
    assert!(event.breadcrumbs[0].data.is_empty(), "{:?}", event.breadcrumbs[0].data);

    let both = capture(|| tracing::subscriber::with_default(subscriber(), || say(&bridge)));
    assert_eq!(both.draw(), heard);
}

/// All records of a level have one callsite: what becomes of them is decided by the target that they were said in.
#[test]
fn a_target_has_levels_of_its_own_also_for_records() {
    let off = Levels::new().breadcrumbs(LevelFilter::OFF);
    let by_filter = watchpost_tracing::layer().event_filter(|metadata| match metadata.target() {
        "hyper::pool" => EventFilter::IGNORE,
        "shop::cart" if metadata.level() == &tracing::Level::ERROR => EventFilter::ISSUE,
        _ => EventFilter::BREADCRUMB,
    });
    for layer in [watchpost_tracing::layer().target("hyper", off), by_filter] {
        assert_eq!(heard(layer), "error: failed\n  - info: loaded\n");
    }
}

fn heard(layer: CaptureLayer) -> String {
    let say = |level, target, text| {
        let record = Record::builder().level(level).target(target).args(text).build();
        LogTracer::new().log(&record);
    };
    let captured = capture(|| {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            log::set_max_level(log::LevelFilter::Info);
            say(Level::Info, "shop::cart", format_args!("loaded"));
            say(Level::Info, "hyper::pool", format_args!("reused"));
            say(Level::Error, "shop::cart", format_args!("failed"));
        });
    });
    captured.draw()
}
