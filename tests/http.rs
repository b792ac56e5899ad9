//! The whole road over a real server on loopback: from a capture to the bytes, and from its answers to what is reported.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::Watched;
use support::server::{Answer, OK, Received, Server, nobody};
use watchpost::protocol::{ClientReport, Event, ItemType, Transaction};
use watchpost::transport::{HttpOptions, HttpTransport};
use watchpost::{Dsn, Options, User};
use watchpost_testkit::{Recorder, options};

/// HTTP to the DSN; the proxy of the machine's environment must not come between.
fn to(dsn: &str) -> Options {
    let parsed: Dsn = dsn.parse().unwrap();
    let http = HttpTransport::new(&parsed, HttpOptions::default().proxy("")).unwrap();
    options().default_integrations(false).dsn(parsed).unwrap().transport(http)
}

fn program(server: &Server) -> Watched {
    Watched::over(to(&server.dsn()), Recorder::new())
}

/// The items of a request as text: events, transactions and losses.
fn drawn(request: &Received) -> String {
    let mut text = String::new();
    for item in request.envelope().items {
        match item.header.ty {
            ItemType::Event => text += &watchpost_testkit::event(&item.decode::<Event>().unwrap()),
            ItemType::Transaction => {
                text += &watchpost_testkit::transaction(&item.decode::<Transaction>().unwrap());
            }
            ItemType::ClientReport => {
                for lost in item.decode::<ClientReport>().unwrap().discarded_events {
                    text += &format!("{}/{}: {}\n", lost.reason, lost.category, lost.quantity);
                }
            }
            other => text += &format!("{other}\n"),
        }
    }
    text
}

fn all(server: &Server) -> Vec<String> {
    server.rest().iter().map(drawn).collect()
}

#[test]
fn an_event_arrives_as_the_protocol_wants_it() {
    let server = Server::start([]);
    let program = program(&server);
    let id = program.run(|| {
        watchpost::set_user(User::id("42"));
        watchpost::capture_message("the cart is empty")
    });
    program.close();

    let request = server.next();
    assert_eq!(request.start, "POST /api/42/envelope/ HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/x-sentry-envelope"));
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let sdk = format!("watchpost.rust/{}", watchpost::VERSION);
    assert_eq!(request.header("user-agent"), Some(sdk.as_str()));
    let auth = request.header("x-sentry-auth").unwrap();
    assert!(auth.starts_with("Sentry "), "{auth}");
    for part in ["sentry_key=public", "sentry_version=7", &format!("sentry_client={sdk}")] {
        assert!(auth.contains(part), "{part} in {auth}");
    }
    assert_eq!(drawn(&request), "info: the cart is empty\n  user: 42\n");

    // As it is on the wire, not as our own reader understands it.
    let plain = request.plain();
    let lines: Vec<Value> = plain
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let [envelope, item, event] = lines.as_slice() else { panic!("{lines:?}") };
    let id = id.unwrap().to_string();
    assert_eq!((&envelope["event_id"], &event["event_id"]), (&id.clone().into(), &id.into()));
    assert!(envelope["sent_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(envelope["sdk"]["name"], "watchpost.rust");
    assert_eq!(envelope["sdk"]["version"], watchpost::VERSION);
    assert_eq!(envelope["trace"]["public_key"], "public");
    assert_eq!(envelope["trace"]["trace_id"], event["contexts"]["trace"]["trace_id"]);
    assert_eq!(item["type"], "event");
    assert_eq!(event["platform"], "native");
    assert_eq!(event["sdk"], envelope["sdk"]);
    assert_eq!(event["environment"], "production");
    assert!(event["timestamp"].is_number());
    assert!(server.rest().is_empty(), "nothing was lost, so nothing is reported");
}

#[test]
fn a_dsn_is_all_that_init_needs() {
    let server = Server::start([]);
    // The one test here that reads the environment: for the proxy it must not have.
    let direct = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .all(|name| std::env::var(name).is_err());
    let client = if direct {
        let options = Options::new().use_environment(false).dsn(server.dsn().as_str()).unwrap();
        watchpost::new_client(options.default_integrations(false)).unwrap()
    } else {
        watchpost::new_client(to(&server.dsn())).unwrap()
    };
    client.capture_message("by a DSN", watchpost::Level::Info, None);
    assert!(client.close(Some(Duration::from_secs(60))));
    assert_eq!(all(&server), ["info: by a DSN\n"]);
}

#[test]
fn an_answer_that_dribbles_in_is_an_answer() {
    let server = Server::start([Answer::Dribbles(OK)]);
    let program = program(&server);
    program.run(|| {
        watchpost::capture_message("one");
        watchpost::capture_message("two");
    });
    program.close();
    assert_eq!(all(&server), ["info: one\n", "info: two\n"]);
}

#[test]
fn limits_that_come_with_a_200_are_kept() {
    let server = Server::start([Answer::Says(
        "HTTP/1.1 200 OK\r\nX-Sentry-Rate-Limits: 60:error:key\r\nContent-Length: 2\r\n\r\n{}",
    )]);
    let program = program(&server);
    program.run(|| {
        watchpost::capture_message("one");
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
        assert_eq!(watchpost::capture_message("two"), None);
        watchpost::start_transaction("not limited").start().finish();
    });
    program.close();
    assert_eq!(all(&server), ["info: one\n", "default not limited\n", "ratelimit_backoff/error: 1\n"]);
}

#[test]
fn after_a_429_there_is_silence() {
    let server = Server::start([Answer::Says(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n",
    )]);
    let program = program(&server);
    program.run(|| {
        watchpost::capture_message("one");
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
        assert_eq!(watchpost::capture_message("two"), None);
        watchpost::start_transaction("limited too").start().finish();
    });
    program.close();
    assert_eq!(all(&server), ["info: one\n"]);
}

#[test]
fn what_a_server_refuses_is_reported_to_it() {
    for refusal in [
        "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    ] {
        let server = Server::start([Answer::Says(refusal)]);
        let program = program(&server);
        program.run(|| watchpost::start_transaction("too large").start().finish());
        program.close();
        assert_eq!(
            all(&server),
            ["default too large\n", "send_error/transaction: 1\nsend_error/span: 1\n"],
            "{refusal}"
        );
    }
}

#[test]
fn a_connection_that_breaks_costs_nothing() {
    let server = Server::start([Answer::Closes]);
    let program = program(&server);
    program.run(|| {
        watchpost::capture_message("one");
        watchpost::capture_message("two");
    });
    program.close();
    let arrived = all(&server);
    assert_eq!(arrived[0], "info: one\n");
    let mut rest = arrived[1..].to_vec();
    rest.sort();
    assert_eq!(rest, ["info: one\n", "info: two\n"], "what had no answer is sent again");
}

#[test]
fn a_server_that_is_down_harms_nobody() {
    let program = Watched::over(to(&nobody()), Recorder::new());
    let client = program.client.clone();
    program.run(|| {
        for i in 0..3 {
            assert!(watchpost::capture_message(&i.to_string()).is_some());
        }
    });
    program.close();
    let lost = client.losses();
    assert_eq!(lost.len(), 1);
    assert_eq!(format!("{}: {}", lost[0].reason, lost[0].quantity), "network_error: 3");
}

/// Also the only test here with the process's own client.
#[test]
fn a_server_that_never_answers_does_not_keep_the_program() {
    let server = Server::start([Answer::Never]);
    let guard = watchpost::init(to(&server.dsn()).shutdown_timeout(Duration::from_millis(300))).unwrap();
    watchpost::capture_message("is anybody there?");
    assert_eq!(drawn(&server.next()), "info: is anybody there?\n");
    let begun = Instant::now();
    drop(guard);
    // The transport would wait for 30 s.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_proxy_or_a_certificate_that_cannot_work_is_an_error_at_init() {
    let options = || Options::new().use_environment(false).dsn("https://key@localhost/42").unwrap();
    for (options, culprit) in [
        (options().https_proxy("ftp://user:secret@proxy"), "proxy"),
        (options().ca_certs("/nowhere/ca.pem"), "/nowhere/ca.pem"),
        (options().client_cert("/nowhere/cert.pem", "/nowhere/key.pem"), "/nowhere/cert.pem"),
    ] {
        let error = watchpost::new_client(options).unwrap_err().to_string();
        assert!(error.contains(culprit) && !error.contains("secret"), "{error}");
    }
}
