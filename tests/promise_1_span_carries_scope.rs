//! Promise 1: a span carries its scope. The user, tags and breadcrumbs of a request follow its tracing span across `.await`, threads,
//! spawns and cancellation, and nobody binds anything.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{spawn_blocking, yield_now};
use tracing::{Instrument, info_span};
use tracing_subscriber::prelude::*;
use watchpost::{Breadcrumb, FutureExt, User};
use watchpost_testkit::{Captured, capture, capture_with, install, options};

/// One subscriber for the process, as a program has: worker threads know no other.
fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn four_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).build().unwrap()
}

/// What a program of one thread reports. Its first span begins where its client is known.
fn captured<F: Future<Output = ()>>(program: impl FnOnce() -> F) -> Captured {
    subscribe();
    capture(|| current_thread().block_on(program()))
}

fn note(text: &str) {
    watchpost::add_breadcrumb(Breadcrumb::new(text));
}

#[tracing::instrument]
async fn checkout() {
    watchpost::set_user(User::id("42"));
    watchpost::set_tag("plan", "pro");
    note("cart loaded");
    yield_now().await;
    charge().await;
}

#[tracing::instrument]
async fn charge() {
    yield_now().await;
    tracing::info!("asking the bank");
    yield_now().await;
    tracing::error!("card declined");
}

#[test]
fn what_is_set_before_an_await_is_there_after_it() {
    let captured = captured(checkout);
    assert_eq!(
        captured.draw(),
        "\
error: card declined
  in checkout
  user: 42
  tags: plan=pro
  - info: cart loaded
  - info: asking the bank
function checkout
  user: 42
  tags: plan=pro
  function charge [internal_error]
"
    );
}

#[test]
fn it_follows_a_spawn_to_another_thread() {
    subscribe();
    let captured = capture(|| {
        let runtime = four_workers();
        let here = std::thread::current().id();
        let root = info_span!("request");
        let child = root.in_scope(|| {
            watchpost::set_user(User::id("7"));
            note("before the spawn");
            info_span!("task")
        });
        let task = runtime.spawn(
            async move {
                note("on a worker");
                yield_now().await;
                watchpost::capture_message("from a worker");
                std::thread::current().id()
            }
            .instrument(child),
        );
        assert_ne!(runtime.block_on(task).unwrap(), here);
        drop(root);
    });
    assert_eq!(
        captured.draw(),
        "\
info: from a worker
  in request
  user: 7
  - info: before the spawn
  - info: on a worker
function request
  user: 7
  function task
"
    );
}

#[test]
fn it_follows_spawn_blocking() {
    let captured = captured(|| {
        async {
            watchpost::set_tag("upload", "big");
            let span = tracing::Span::current();
            let hashing = spawn_blocking(move || {
                span.in_scope(|| {
                    note("hashing");
                    tracing::error!("the checksum differs");
                });
            });
            hashing.await.unwrap();
        }
        .instrument(info_span!("upload"))
    });
    assert_eq!(
        captured.draw(),
        "\
error: the checksum differs
  in upload
  tags: upload=big
  - info: hashing
function upload [internal_error]
  tags: upload=big
"
    );
}

/// A request with a task of its own; both give way to the others as often as they can.
async fn request(i: usize) {
    watchpost::set_user(User::id(i.to_string()));
    yield_now().await;
    watchpost::set_tag("request", i);
    note(&format!("{i}: begun"));
    yield_now().await;
    let task = tokio::spawn(
        async move {
            yield_now().await;
            tracing::info!("{i}: in the task");
            yield_now().await;
            watchpost::set_tag("task", i);
        }
        .instrument(info_span!("task")),
    );
    yield_now().await;
    task.await.unwrap();
    note(&format!("{i}: back"));
    yield_now().await;
    tracing::error!("{i} failed");
}

fn thousand_requests(runtime: &Runtime) {
    runtime.block_on(async {
        let requests: Vec<_> = (0..1000)
            .map(|i| tokio::spawn(async move { request(i).instrument(info_span!("request")).await }))
            .collect();
        for request in requests {
            request.await.unwrap();
        }
    });
}

#[track_caller]
fn assert_unmixed(captured: &Captured) {
    let (events, transactions) = (captured.events(), captured.transactions());
    assert_eq!((events.len(), transactions.len()), (1000, 1000), "{:?}", captured.losses());
    let mut seen = BTreeSet::new();
    for event in &events {
        let i = event.user.as_ref().unwrap().id.clone().unwrap();
        let expected = format!(
            "error: {i} failed\n  in request\n  user: {i}\n  tags: request={i} task={i}\n  \
             - info: {i}: begun\n  - info: {i}: in the task\n  - info: {i}: back\n"
        );
        assert_eq!(watchpost_testkit::event(event), expected);
        seen.insert(i);
    }
    assert_eq!(seen.len(), 1000);
    let mut seen = BTreeSet::new();
    for transaction in &transactions {
        let i = transaction.user.as_ref().unwrap().id.clone().unwrap();
        let expected = format!(
            "function request [internal_error]\n  user: {i}\n  tags: request={i} task={i}\n  function task\n"
        );
        assert_eq!(watchpost_testkit::transaction(transaction), expected);
        seen.insert(i);
    }
    assert_eq!(seen.len(), 1000);
    let traces: BTreeSet<_> =
        events.iter().map(|event| event.contexts.trace.as_ref().unwrap().trace_id).collect();
    assert_eq!(traces.len(), 1000, "each request is a trace of its own");
}

/// With the process's client: the roots begin on the workers, where nothing was attached.
#[test]
fn a_thousand_requests_on_four_workers_do_not_mix() {
    subscribe();
    let (guard, recorder) = install(options().transport_queue_size(10_000)).unwrap();
    thousand_requests(&four_workers());
    drop(guard);
    assert_unmixed(&recorder.captured());
}

#[test]
fn a_thousand_requests_on_one_thread_do_not_mix() {
    subscribe();
    let captured = capture_with(options().transport_queue_size(10_000), || {
        thousand_requests(&current_thread());
    });
    assert_unmixed(&captured);
}

#[test]
fn siblings_do_not_share_what_their_own_scope_was_told() {
    let captured = captured(|| {
        async {
            let first = async {
                watchpost::current_scope().set_tag("shard", 1);
                yield_now().await;
                tracing::error!("first");
            };
            let second = async {
                yield_now().await;
                yield_now().await;
                tracing::error!("second");
            };
            tokio::join!(first.instrument(info_span!("one")), second.instrument(info_span!("two")));
            tracing::error!("parent");
        }
        .instrument(info_span!("both"))
    });
    assert_eq!(
        captured.draw(),
        "\
error: first
  in both
  tags: shard=1
error: second
  in both
error: parent
  in both
function both [internal_error]
  function one [internal_error]
  function two [internal_error]
"
    );
}

#[test]
fn a_scope_of_its_own_holds_across_await_and_ends_with_its_future() {
    let captured = captured(|| {
        async {
            async {
                watchpost::current_scope().set_tag("step", "import");
                yield_now().await;
                tracing::error!("inside");
                watchpost::with_scope(|scope| {
                    scope.set_tag("row", 3);
                    tracing::error!("innermost");
                });
                // The isolation scope is the request's, and what it is told stays.
                watchpost::set_tag("kept", true);
            }
            .in_new_scope()
            .await;
            tracing::error!("outside");
        }
        .instrument(info_span!("job"))
    });
    assert_eq!(
        captured.draw(),
        "\
error: inside
  in job
  tags: step=import
error: innermost
  in job
  tags: row=3 step=import
error: outside
  in job
  tags: kept=true
function job [internal_error]
  tags: kept=true
"
    );
}

#[test]
fn isolated_work_tells_its_surroundings_nothing() {
    let captured = captured(|| {
        async {
            watchpost::set_tag("before", 1);
            async {
                watchpost::set_user(User::id("inner"));
                note("inner");
                yield_now().await;
                tracing::error!("inside");
            }
            .isolated()
            .await;
            watchpost::with_isolation_scope(|scope| {
                scope.set_tag("block", 1);
                tracing::error!("in a block");
            });
            tracing::error!("outside");
        }
        .instrument(info_span!("job"))
    });
    assert_eq!(
        captured.draw(),
        "\
error: inside
  in job
  user: inner
  tags: before=1
  - info: inner
error: in a block
  in job
  tags: before=1 block=1
error: outside
  in job
  tags: before=1
function job [internal_error]
  tags: before=1
"
    );
}

#[test]
fn scopes_can_be_carried_without_a_span() {
    subscribe();
    let captured = capture(|| {
        watchpost::with_isolation_scope(|_| {
            watchpost::set_user(User::id("9"));
            let task = async {
                yield_now().await;
                watchpost::set_tag("late", "yes");
                tracing::error!("on a worker");
            };
            let runtime = four_workers();
            let task = runtime.spawn(task.with_current_scopes());
            runtime.block_on(task).unwrap();
            tracing::error!("back home");
        });
    });
    assert_eq!(
        captured.draw(),
        "\
error: on a worker
  user: 9
  tags: late=yes
error: back home
  user: 9
  tags: late=yes
"
    );
}

/// Says its last words when it is dropped.
struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        tracing::warn!("{} let go", self.0);
        tracing::error!("cut off");
    }
}

#[test]
fn a_cancelled_future_ends_under_its_own_scopes() {
    let captured = captured(|| async {
        let request = async {
            watchpost::set_user(User::id("5"));
            let _lock = Held("the lock");
            std::future::pending::<()>().await;
        };
        let mut request = Box::pin(request.instrument(info_span!("request")));
        assert!(poll_once(&mut request).await.is_pending());
        watchpost::set_tag("elsewhere", "yes");
        drop(request);
        tracing::error!("afterwards");
    });
    assert_eq!(
        captured.draw(),
        "\
error: cut off
  in request
  user: 5
  - warning: the lock let go
function request [internal_error]
  user: 5
error: afterwards
  tags: elsewhere=yes
"
    );
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}
