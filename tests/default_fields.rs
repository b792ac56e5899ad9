//! What leaves the process with default options, field by field: `data/default_fields.txt` lists it, and this test compares (features Z05).
//!
//! A new line in that file is a decision about privacy. It is made by whoever reviews the change, not by the program that was changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tower::ServiceExt;
use tracing_subscriber::prelude::*;
use watchpost::protocol::Timestamp;
use watchpost::{Breadcrumb, User, logger, metrics, monitor};
use watchpost_testkit::{Recorder, options};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/default_fields.txt");

/// Stands before a field that only some machines have: a distribution's name, the line of a frame, the size of the memory.
const SOMETIMES: &str = "? ";

#[derive(Debug)]
struct Declined(fmt::Error);

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl std::error::Error for Declined {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tracing::instrument(fields(otel.kind = "client", http.request.method = "POST", url.full = "https://ann:pw@bank.test/?token=1"))]
async fn charge(card: &str) -> Result<(), Declined> {
    watchpost::add_breadcrumb(Breadcrumb::http().data("url", "https://bank.test/?token=1"));
    Err(Declined(fmt::Error))
}

async fn checkout() -> StatusCode {
    watchpost::set_user(User::id("42"));
    watchpost::set_tag("plan", "pro");
    watchpost::set_context("cart", json!({ "items": 3 }));
    watchpost::set_attribute("tenant", "acme");
    tracing::info!(items = 3, "cart loaded");
    logger::info!(cart = 7; "{items} items", items = 3);
    metrics::distribution("cart.value", 19.5).unit("euro").attribute("plan", "pro");
    if let Err(error) = charge("4242").await {
        watchpost::capture_error(&error);
        let another = std::io::Error::from_raw_os_error(2);
        tracing::error!(error = &another as &dyn std::error::Error, attempt = 1, "no receipt");
    }
    StatusCode::INTERNAL_SERVER_ERROR
}

fn request(path: &str) -> Request<Body> {
    let uri = format!("http://shop.test/{path}?page=2&token=1");
    let mut request = Request::builder().method("POST").uri(uri);
    for name in ["host", "accept", "user-agent", "cookie", "authorization", "x-forwarded-for", "referer"] {
        request = request.header(name, "http://shop.test/");
    }
    let mut request = request.body(Body::from("card=4242")).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
    request
}

/// Everything that a program with the request layer, the tracing layer (which was asked for logs) and the default integrations sends.
fn sent() -> BTreeSet<String> {
    let recorder = Recorder::new();
    let guard = watchpost::init(options().transport(recorder.clone())).unwrap();
    tracing_subscriber::registry().with(watchpost::tracing::layer().logs(tracing::Level::INFO)).init();
    let broken = post(|| async { StatusCode::BAD_GATEWAY });
    let app = Router::new().route("/checkout", post(checkout)).route("/broken", broken);
    let app = app.layer(watchpost::tower::request_layer());
    let runtime = Builder::new_current_thread().build().unwrap();
    monitor("nightly").unwrap().schedule("0 3 * * *").unwrap().max_runtime(30).run(|| ());
    for path in ["checkout", "broken"] {
        runtime.block_on(app.clone().oneshot(request(path))).unwrap();
    }
    drop(guard);

    let mut fields = BTreeSet::new();
    for envelope in recorder.captured().envelopes() {
        let bytes = envelope.to_vec(Timestamp::from_micros(1));
        let headers = bytes.split(|byte| *byte == b'\n').next().unwrap();
        list("envelope", &serde_json::from_slice(headers).unwrap(), &mut fields);
        for item in &envelope.items {
            list("item", &json!(item.header), &mut fields);
            list(item.header.ty.as_str(), &serde_json::from_slice(&item.payload).unwrap(), &mut fields);
        }
    }
    fields
}

/// Every place that holds a value; `[]` is any place of a list. What `_meta` says of them is not looked into.
fn list(path: &str, value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !path.ends_with("› _meta") => {
            map.iter().for_each(|(key, value)| list(&format!("{path} › {key}"), value, fields))
        }
        Value::Array(values) => values.iter().for_each(|value| list(&format!("{path}[]"), value, fields)),
        _ => drop(fields.insert(path.to_owned())),
    }
}

#[test]
fn no_other_field_leaves_the_process_than_those_that_were_decided_on() {
    let sent = sent();
    let text = std::fs::read_to_string(Path::new(LIST)).unwrap_or_default();
    let lines = || text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known: BTreeSet<&str> = lines().map(|line| line.strip_prefix(SOMETIMES).unwrap_or(line)).collect();
    let always = lines().filter(|line| !line.starts_with(SOMETIMES));

    let new: Vec<&str> = sent.iter().map(String::as_str).filter(|field| !known.contains(field)).collect();
    let gone: Vec<&str> = always.filter(|field| !sent.contains(*field)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "With default options other fields leave the process than tests/data/default_fields.txt lists.\n\
         Each new one is a decision about privacy: may it be sent by everybody who changes nothing? If so, add its line, before which\n\
         {SOMETIMES:?} means that not every machine has it; if not, gate it. Take out the lines of those that are gone.\n\n\
         new:\n{}\n\ngone:\n{}\n",
        new.join("\n"),
        gone.join("\n")
    );
}
