//! A worker that takes jobs from a queue: each is a unit of work, in the trace of who has put it there.
//!
//! `cargo run --example worker` publishes three jobs, works them off and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal. The queue
//! is a channel here; headers travel with the messages of any other (lapin, rdkafka, async-nats, SQS) in the same way.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tracing_subscriber::prelude::*;
use watchpost::tower::{Job, job_layer};
use watchpost::{FutureExt, Options, start_span, start_transaction};

/// What travels: the job, and beside it the headers that continue the trace.
struct Message {
    id: u32,
    picture: &'static str,
    headers: BTreeMap<&'static str, String>,
    sent: Instant,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = watchpost::init(Options::from_env()?.traces_sample_rate(1.0)?.console())?;
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();

    let (sender, receiver) = channel(8);
    let worker = tokio::spawn(work(receiver));
    publish(sender).in_span(start_transaction("upload").op("task").start()).await?;
    let (done, failed) = worker.await?;
    println!("{done} jobs were done, and {failed} failed");
    Ok(())
}

async fn publish(queue: Sender<Message>) -> Result<(), Box<dyn Error>> {
    for (id, picture) in [(1, "lamp.png"), (2, "notes.txt"), (3, "chair.png")] {
        let span = start_span("pictures")
            .op("queue.publish")
            .attribute("messaging.system", "channel")
            .attribute("messaging.destination.name", "pictures")
            .attribute("messaging.message.id", id);
        let send = async {
            // Asked for inside of the span: it is the parent of the job.
            let headers = watchpost::trace_headers().into_iter().collect();
            queue.send(Message { id, picture, headers, sent: Instant::now() }).await
        };
        send.in_span(span.start()).await?;
    }
    Ok(())
}

/// Works until nobody sends any more; says how many jobs were done, and how many failed.
async fn work(mut queue: Receiver<Message>) -> (u32, u32) {
    let mut worker = ServiceBuilder::new().layer(job_layer(describe)).service(service_fn(resize));
    let (mut done, mut failed) = (0, 0);
    while let Some(message) = queue.recv().await {
        let result = match worker.ready().await {
            Ok(worker) => worker.call(message).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => done += 1,
            Err(_) => failed += 1, // the layer has reported it
        }
    }
    (done, failed)
}

/// What the transaction of a job says of it.
fn describe(message: &Message) -> Job {
    Job::new("resize")
        .attribute("messaging.system", "channel")
        .attribute("messaging.destination.name", "pictures")
        .attribute("messaging.message.id", message.id)
        .attribute("messaging.message.receive.latency", message.sent.elapsed().as_secs_f64() * 1_000.0)
        .continue_trace(&message.headers)
}

#[tracing::instrument(skip_all, fields(picture = message.picture))]
async fn resize(message: Message) -> Result<(), String> {
    watchpost::set_tag("picture", message.picture); // of this job only
    tracing::info!("reading");
    if message.picture.ends_with(".txt") {
        return Err(format!("{} is no picture", message.picture));
    }
    Ok(())
}
