//! Services whose requests are not HTTP's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use watchpost::TransactionSource;
use watchpost::tower::{Job, JobLayer, job_layer};
use watchpost_testkit::{Captured, capture};

use crate::shop::{Declined, traced};

/// A task of a queue.
#[derive(Clone)]
struct Charge {
    card: u32,
    metadata: BTreeMap<&'static str, &'static str>,
}

fn charge(card: u32) -> Charge {
    Charge { card, metadata: BTreeMap::new() }
}

async fn handle(task: Charge) -> Result<u32, BoxError> {
    watchpost::set_tag("card", task.card);
    tokio::task::yield_now().await;
    match task.card {
        13 => Err(Declined.into()),
        17 => {
            watchpost::capture_error(&Declined);
            Err(Declined.into())
        }
        0 => std::future::pending().await,
        card => Ok(card),
    }
}

fn described() -> JobLayer<impl Fn(&Charge) -> Job> {
    job_layer(|task: &Charge| {
        assert_ne!(task.card, 99, "a closure that panics harms nobody");
        Job::new("charge").attribute("messaging.destination.name", "cards").continue_trace(&task.metadata)
    })
}

fn reported(tasks: impl IntoIterator<Item = Charge>) -> Captured {
    capture(|| {
        traced(async {
            let mut service = ServiceBuilder::new().layer(described()).service(service_fn(handle));
            for task in tasks {
                let _ = service.ready().await.unwrap().call(task).await;
            }
        });
    })
}

#[test]
fn a_job_is_a_unit_of_work_with_a_transaction() {
    let captured = reported([charge(1)]);
    assert_eq!(captured.draw(), "queue.process charge\n  tags: card=1\n");
    let transaction = &captured.transactions()[0];
    assert_eq!(transaction.transaction_info.as_ref().unwrap().source, TransactionSource::Task);
    let trace = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!(trace.data["messaging.destination.name"], "cards");
    assert_eq!(trace.origin.as_deref(), Some("auto.queue.tower"));
}

#[test]
fn an_error_is_one_issue_with_its_type_also_in_a_box() {
    for card in [13, 17] {
        let captured = reported([charge(card)]);
        assert_eq!(
            captured.draw(),
            format!(
                "\
error: Declined: the card was declined
  in charge
  tags: card={card}
queue.process charge [internal_error]
  tags: card={card}
"
            )
        );
        let handled = captured.events()[0].exception[0].mechanism.as_ref().unwrap().handled;
        assert_eq!(handled, Some(card == 17), "who reported it first has said so");
    }
}

#[test]
fn a_job_that_is_dropped_is_cancelled() {
    let captured = capture(|| {
        traced(async {
            let mut service = ServiceBuilder::new().layer(described()).service(service_fn(handle));
            let mut job = Box::pin(service.call(charge(0)));
            let mut context = Context::from_waker(Waker::noop());
            assert!(job.as_mut().poll(&mut context).is_pending());
            assert!(job.as_mut().poll(&mut context).is_pending());
        });
    });
    assert_eq!(captured.draw(), "queue.process charge [cancelled]\n  tags: card=0\n");
}

#[test]
fn the_trace_that_travels_with_it_goes_on() {
    let metadata =
        [("Sentry-Trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"), ("attempt", "2")];
    let captured = reported([Charge { card: 1, metadata: metadata.into() }, charge(2)]);
    let traces: Vec<_> = captured
        .transactions()
        .iter()
        .map(|transaction| transaction.contexts.trace.as_ref().unwrap().trace_id.to_string())
        .collect();
    assert_eq!(traces[0], "0af7651916cd43dd8448eb211c80319c");
    assert_ne!(traces[1], traces[0], "the next job is another trace");
}

#[test]
fn a_closure_that_panics_costs_the_name_only() {
    let captured = reported([charge(99)]);
    assert_eq!(captured.draw(), "queue.process <unlabeled transaction>\n  tags: card=99\n");
}

#[test]
fn a_function_of_a_cloud_says_what_it_is() {
    let captured = capture(|| {
        let layer = job_layer(|name: &String| {
            Job::new(name.clone())
                .op("function.aws")
                .origin("auto.function.lambda")
                .source(TransactionSource::Component)
        });
        let echo = service_fn(|name: String| async move { Ok::<_, Infallible>(name) });
        let service = ServiceBuilder::new().layer(layer).service(echo);
        assert_eq!(traced(service.oneshot("thumbnails".to_owned())).unwrap(), "thumbnails");
    });
    assert_eq!(captured.draw(), "function.aws thumbnails\n");
    let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(trace.origin.as_deref(), Some("auto.function.lambda"));
}

#[test]
fn without_a_client_nothing_is_asked() {
    let asked = Arc::new(Mutex::new(0));
    let counts = Arc::clone(&asked);
    let layer = job_layer(move |_: &Charge| {
        *counts.lock().unwrap() += 1;
        Job::new("charge")
    });
    let service = ServiceBuilder::new().layer(layer).service(service_fn(handle));
    assert_eq!(traced(service.oneshot(charge(1))).unwrap(), 1);
    assert_eq!(*asked.lock().unwrap(), 0);
}
