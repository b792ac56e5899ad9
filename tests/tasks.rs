//! What goes along with work that moves to another task or thread, and what needs a word: the rows of the page `watchpost::guide::tasks`.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex, Once, PoisonError, mpsc};
use std::thread;

use rayon::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking, yield_now};
use tracing::{Instrument, Span, info_span};
use tracing_subscriber::prelude::*;
use watchpost::{FutureExt, Scopes, Transaction, User, start_span, start_transaction};
use watchpost_testkit::{Captured, install, options};

/// What a message says that belongs to the request, and what one says that belongs to nobody.
const OURS: &str = "info: there\n  in request\n  user: 42\n";
const NOBODYS: &str = "info: there\n";

fn say() {
    watchpost::capture_message("there");
}

async fn say_later() {
    yield_now().await;
    say();
}

/// What a program reports whose only client is the process's own: it is the same on every thread, and nothing comes to a thread by another way
/// than the one that is tested.
fn reported<F: Future>(program: F) -> Captured {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static SUBSCRIBED: Once = Once::new();
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    let (guard, recorder) = install(options().default_integrations(false)).unwrap();
    Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(program);
    drop(guard);
    recorder.captured()
}

/// The messages of a request that is a span of tracing: of each, whether it is the request's.
#[track_caller]
fn in_a_request<F: Future>(work: F, expected: &[&str]) {
    let request = async {
        watchpost::set_user(User::id("42"));
        work.await
    };
    let captured = reported(async { request.instrument(info_span!("request")).await });
    assert_eq!(messages(&captured), expected);
}

/// The same, of one that is a span by hand.
#[track_caller]
fn in_a_request_by_hand<F: Future>(work: impl FnOnce() -> F, expected: &[&str]) {
    let captured = reported(async {
        let _isolated = Arc::new(Scopes::current().isolated()).attach();
        let request = async {
            watchpost::set_user(User::id("42"));
            work().await
        };
        // The future of a runtime's `block_on` stays on its thread, so a guard may stay with it.
        request.in_span(start_transaction("request").start()).await;
    });
    assert_eq!(messages(&captured), expected);
}

fn messages(captured: &Captured) -> Vec<String> {
    captured.events().iter().map(watchpost_testkit::event).collect()
}

#[test]
fn an_await_is_the_same_work() {
    in_a_request(async { tokio::join!(say_later(), say_later()) }, &[OURS, OURS]);
    in_a_request_by_hand(async || tokio::join!(say_later(), say_later()), &[OURS, OURS]);
}

#[test]
fn a_spawned_task_belongs_to_nobody_without_a_word() {
    in_a_request(async { tokio::spawn(say_later()).await.unwrap() }, &[NOBODYS]);
    in_a_request_by_hand(async || tokio::spawn(say_later()).await.unwrap(), &[NOBODYS]);
}

#[test]
fn a_spawned_task_in_a_span() {
    in_a_request(async { tokio::spawn(say_later().in_current_span()).await.unwrap() }, &[OURS]);
    in_a_request(async { tokio::spawn(say_later().instrument(info_span!("task"))).await.unwrap() }, &[OURS]);
}

#[test]
fn a_spawned_task_with_the_current_scopes() {
    in_a_request(async { tokio::spawn(say_later().with_current_scopes()).await.unwrap() }, &[OURS]);
    in_a_request_by_hand(async || tokio::spawn(say_later().with_current_scopes()).await.unwrap(), &[OURS]);
}

#[test]
fn a_spawned_task_in_a_span_by_hand() {
    in_a_request_by_hand(
        async || tokio::spawn(say_later().in_span(start_span("task").start())).await.unwrap(),
        &[OURS],
    );
}

#[test]
fn a_join_set_spawns_too() {
    let work = async {
        let mut tasks = JoinSet::new();
        tasks.spawn(say_later());
        tasks.join_next().await.unwrap().unwrap();
        tasks.spawn(say_later().in_current_span());
        tasks.join_next().await.unwrap().unwrap();
        tasks.spawn(say_later().with_current_scopes());
        tasks.join_next().await.unwrap().unwrap();
    };
    in_a_request(work, &[NOBODYS, OURS, OURS]);
}

#[test]
fn blocking_work() {
    let work = async {
        spawn_blocking(say).await.unwrap();
        spawn_blocking(Scopes::current().wrap(say)).await.unwrap();
        let span = Span::current();
        spawn_blocking(move || span.in_scope(say)).await.unwrap();
    };
    in_a_request(work, &[NOBODYS, OURS, OURS]);
}

#[test]
fn a_thread() {
    let work = async {
        thread::spawn(say).join().unwrap();
        thread::spawn(Scopes::current().wrap(say)).join().unwrap();
        let span = Span::current();
        thread::spawn(move || span.in_scope(say)).join().unwrap();
        // A scoped thread may borrow, and is a thread all the same.
        thread::scope(|threads| threads.spawn(say).join().unwrap());
        thread::scope(|threads| threads.spawn(Scopes::current().wrap(say)).join().unwrap());
    };
    in_a_request(work, &[NOBODYS, OURS, OURS, NOBODYS, OURS]);
}

/// Spans that begin on the other thread are children of the one that was taken along.
#[test]
fn a_span_on_another_thread_has_its_parent() {
    let captured = reported(async {
        let request = async {
            let work = || info_span!("sum").in_scope(say);
            thread::spawn(Scopes::current().wrap(work)).join().unwrap();
        };
        request.instrument(info_span!("request")).await;
    });
    assert_eq!(captured.draw(), "info: there\n  in request\nfunction request\n  function sum\n");
}

#[test]
fn a_pool_of_threads() {
    // A pool of its own: rayon runs what it is given on the calling thread if that is one of its.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let work = async {
        pool.install(|| (0..2).into_par_iter().for_each(|_| say()));
        let scopes = Scopes::current();
        pool.install(|| {
            (0..2).into_par_iter().for_each(|_| {
                let _entered = scopes.attach();
                say();
            });
        });
        let (done, wait) = mpsc::channel::<()>();
        pool.spawn(Scopes::current().wrap(move || {
            say();
            drop(done);
        }));
        assert!(wait.recv().is_err(), "it says nothing, it ends");
    };
    in_a_request(work, &[NOBODYS, NOBODYS, OURS, OURS, OURS]);
}

/// An actor works for whoever has sent the message, and knows that only if the message says it.
#[test]
fn an_actor_on_a_thread() {
    let (sender, messages) = mpsc::channel::<Option<Arc<Scopes>>>();
    let work = async move {
        let actor = thread::spawn(move || {
            for scopes in messages {
                let _entered = scopes.as_ref().map(Scopes::attach);
                say();
            }
        });
        sender.send(None).unwrap();
        sender.send(Some(Scopes::current())).unwrap();
        sender.send(None).unwrap();
        drop(sender);
        actor.join().unwrap();
    };
    in_a_request(work, &[NOBODYS, OURS, NOBODYS]);
}

#[test]
fn an_actor_on_a_task() {
    let work = async {
        let (sender, mut messages) = tokio::sync::mpsc::channel::<Arc<Scopes>>(2);
        let actor = tokio::spawn(async move {
            while let Some(scopes) = messages.recv().await {
                say_later().with_scopes(scopes).await;
                say();
            }
        });
        sender.send(Scopes::current()).await.unwrap();
        drop(sender);
        actor.await.unwrap();
    };
    in_a_request(work, &[OURS, NOBODYS]);
}

/// It starts with what is set, in the same trace, and leaves nothing behind.
#[test]
fn work_of_its_own() {
    let work = async {
        let task = async {
            say_later().await;
            watchpost::set_user(User::id("7"));
            say();
        };
        tokio::spawn(task.isolated()).await.unwrap();
        say();
    };
    in_a_request(work, &[OURS, "info: there\n  in request\n  user: 7\n", OURS]);
}

/// A request ends before its task does: the spans of the task are sent where it has a root of its own, in the trace of the request.
#[test]
fn a_task_that_outlives_its_request_has_a_root_of_its_own() {
    async fn send(begun: oneshot::Receiver<()>) {
        let open = info_span!("print");
        begun.await.unwrap();
        drop(open);
        drop(info_span!("post"));
    }
    type Word = fn(oneshot::Receiver<()>) -> JoinHandle<()>;
    let by_tracing: Word = |begun| tokio::spawn(send(begun).instrument(info_span!(parent: None, "receipt")));
    let by_hand: Word = |begun| tokio::spawn(send(begun).in_span(start_transaction("receipt").start()));
    let isolated: Word = |begun| {
        let task = async { send(begun).in_span(start_transaction("receipt").start()).await };
        tokio::spawn(task.isolated())
    };
    for word in [by_tracing, by_hand, isolated] {
        let captured = reported(async {
            let (end, begun) = oneshot::channel();
            let task = info_span!("request").in_scope(|| word(begun));
            end.send(()).unwrap();
            task.await.unwrap();
        });
        assert_eq!(captured.losses(), [""; 0]);
        let [request, receipt] = &captured.transactions()[..] else { panic!("{}", captured.draw()) };
        let names = [&request.transaction, &receipt.transaction];
        assert_eq!(names, ["request", "receipt"]);
        let children: Vec<_> = receipt.spans.iter().map(|span| span.description.as_deref()).collect();
        assert_eq!(children, [Some("print"), Some("post")]);
        let trace = |transaction: &Transaction| transaction.contexts.trace.as_ref().unwrap().trace_id;
        assert_eq!(trace(request), trace(receipt));
    }
}

/// Each word takes what is current when it is said, so the one that stands nearest to the future holds: whoever wants two things says the second
/// within the first.
#[test]
fn a_word_within_a_word() {
    let captured = reported(async {
        let task = async {
            watchpost::set_user(User::id("7"));
            say_later().in_span(start_transaction("task").start()).await;
        };
        tokio::spawn(task.isolated()).await.unwrap();
        say();
    });
    assert_eq!(messages(&captured), ["info: there\n  in task\n  user: 7\n", NOBODYS]);
}
