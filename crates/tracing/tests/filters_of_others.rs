//! Filters that are not ours. What a filter lets pass is kept for the whole process, so these run one after another, in a process of their
//! own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::{Level, error, info, info_span};
use tracing_subscriber::filter::{EnvFilter, Targets, filter_fn};
use tracing_subscriber::{Layer, Registry, prelude::*, reload};
use watchpost_testkit::{Captured, capture};
use watchpost_tracing::layer;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn captured<S>(subscriber: S, work: impl FnOnce()) -> Captured
where
    S: tracing::Subscriber + Send + Sync + 'static,
{
    capture(|| tracing::subscriber::with_default(subscriber, work))
}

#[test]
fn filters_of_others_work_above_it() {
    let _alone = alone();
    let work = || {
        let outer = info_span!(target: "app", "outer");
        let _outer = outer.enter();
        watchpost_core::api::set_tag("order", 42);
        let quiet = info_span!(target: "hyper", "quiet");
        let _quiet = quiet.enter();
        info!(target: "hyper", "not for us");
        error!(target: "app", "failed");
    };
    let expected =
        "error: failed\n  in outer\n  tags: order=42\nfunction outer [internal_error]\n  tags: order=42\n";
    let registry = tracing_subscriber::registry;
    let targets = Targets::new().with_target("app", Level::INFO);
    assert_eq!(captured(registry().with(layer().with_filter(targets)), work).draw(), expected);
    let env = EnvFilter::new("info,hyper=off");
    assert_eq!(captured(registry().with(layer().with_filter(env)), work).draw(), expected);
    let global = EnvFilter::new("info,hyper=off");
    assert_eq!(captured(registry().with(global).with(layer()), work).draw(), expected);
    let global = EnvFilter::new("info,hyper=off");
    assert_eq!(captured(registry().with(layer()).with(global), work).draw(), expected, "in any order");
    let boxed: Box<dyn Layer<Registry> + Send + Sync> =
        layer().with_filter(filter_fn(|metadata| metadata.target() != "hyper")).boxed();
    assert_eq!(captured(registry().with(boxed), work).draw(), expected);
}

#[test]
fn a_filter_may_be_reloaded() {
    let _alone = alone();
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    let subscriber = tracing_subscriber::registry().with(filter).with(layer());
    let drawn = captured(subscriber, || {
        error!("before");
        handle.reload(LevelFilter::INFO).unwrap();
        error!("after");
    })
    .draw();
    assert_eq!(drawn, "error: after\n");
}
