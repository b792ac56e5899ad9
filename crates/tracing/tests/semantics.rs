//! What the names of the semantic conventions become: operation, name, status, and attributes under the names of today.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{error, info_span};
use tracing_subscriber::prelude::*;
use watchpost_core::{Decision, Options};
use watchpost_protocol::Map;
use watchpost_testkit::{Captured, capture_with, options};

fn captured(work: impl FnOnce()) -> Captured {
    captured_with(options(), work)
}

fn captured_with(options: Options, work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
    capture_with(options, || tracing::subscriber::with_default(subscriber, work))
}

/// What is drawn of spans that are children of one.
fn children(work: impl FnOnce()) -> (String, Vec<Value>) {
    let captured = captured(|| info_span!("work").in_scope(work));
    let spans = captured.transactions().remove(0).spans;
    (captured.draw(), spans.into_iter().map(|span| told(span.data)).collect())
}

/// The attributes without the place in the program.
fn told(mut data: Map<String, Value>) -> Value {
    data.retain(|key, _| !key.starts_with("code.") && !key.starts_with("thread."));
    Value::Object(data)
}

/// The transaction as text, what its name is, and its attributes.
fn root(work: impl FnOnce()) -> (String, String, Value) {
    let captured = captured(work);
    let mut transaction = captured.transactions().remove(0);
    let source = transaction.transaction_info.take().unwrap_or_default().source;
    let trace = transaction.contexts.trace.unwrap_or_default();
    (captured.draw(), source.to_string(), told(trace.data))
}

#[test]
fn a_request_is_named_by_its_route_and_ends_as_its_status_says() {
    let (picture, source, data) = root(|| {
        let request = info_span!(
            "request",
            http.method = "GET",
            http.target = "/users/17?page=2",
            http.status_code = Empty,
            otel.kind = "server",
            otel.status_code = Empty,
            http.route = Empty,
        );
        request.in_scope(|| error!("no such user"));
        request.record("http.route", "/users/{id}");
        request.record("http.status_code", 404);
        request.record("otel.status_code", "OK");
    });
    // The issue was captured before the route was known.
    assert_eq!(picture, "error: no such user\n  in GET /users/17\nhttp.server GET /users/{id} [not_found]\n");
    assert_eq!(source, "route");
    assert_eq!(
        data,
        json!({
            "http.request.method": "GET", "http.route": "/users/{id}", "http.response.status_code": 404,
            "url.path": "/users/17", "url.query": "page=2", "otel.kind": "server", "otel.status_code": "OK",
        })
    );
}

#[test]
fn without_a_route_a_request_is_named_by_its_path_and_says_so() {
    let request = || drop(info_span!("request", http.request.method = "PUT", url.path = "/carts/3"));
    let (picture, source, _) = root(request);
    assert_eq!((picture.as_str(), source.as_str()), ("http.server PUT /carts/3\n", "url"));
}

#[test]
fn samplers_are_told_what_the_fields_mean() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let options = options().traces_sampler({
        let asked = Arc::clone(&asked);
        move |context| {
            asked.lock().unwrap().push(format!("{} {}", context.op.unwrap_or_default(), context.name));
            Decision::Keep
        }
    });
    captured_with(options, || {
        drop(info_span!("request", http.method = "POST", http.route = "/carts", otel.kind = ?Kind::Server));
        drop(info_span!("nightly", rows = 3));
    });
    assert_eq!(*asked.lock().unwrap(), ["http.server POST /carts", "function nightly"]);
}

/// As `opentelemetry::trace::SpanKind` prints itself.
#[derive(Debug)]
enum Kind {
    Server,
}

#[test]
fn a_name_that_the_program_gives_stays() {
    let (picture, source, data) = root(|| {
        let request = info_span!("request", http.method = "GET", http.route = "/a", otel.name = Empty);
        request.record("otel.name", "checkout");
        drop(info_span!(parent: &request, "inner", otel.name = "first", db.statement = "SELECT 1"));
        drop(
            info_span!(parent: &request, "inner", sentry.name = "mine", sentry.op = "cache.get", db.statement = "SELECT 2"),
        );
        info_span!(parent: &request, "inner", otel.name = Empty).record("otel.name", "late");
    });
    assert_eq!(
        picture, "http.server checkout\n  db SELECT 1\n  cache.get mine\n  function late\n",
        "a query says more than what OpenTelemetry would call it"
    );
    assert_eq!(source, "custom");
    assert_eq!(data, json!({"http.request.method": "GET", "http.route": "/a"}));
}

#[test]
fn what_is_asked_of_others_is_named_by_where_it_goes() {
    let (picture, data) = children(|| {
        drop(info_span!(
            "a",
            http.method = "GET",
            http.url = "https://u:pw@api.example/v1?key=1",
            otel.kind = "client"
        ));
        drop(
            info_span!("b", http.request.method = "GET", otel.name = "GET", otel.kind = "client", url.scheme = "https", server.address = "api.example", server.port = %443),
        );
        drop(info_span!(
            "c",
            http.request.method = "GET",
            otel.name = "GET /v1/{id}",
            otel.kind = "client",
            error.message = "refused"
        ));
        drop(info_span!(
            "d",
            rpc.system = "grpc",
            rpc.service = "shop.Carts",
            rpc.method = "Get",
            rpc.grpc.status_code = 14,
            otel.kind = "client"
        ));
    });
    assert_eq!(
        picture,
        "function work
  http.client GET https://[Filtered]:[Filtered]@api.example/v1
  http.client GET https://api.example:443
  http.client GET /v1/{id} [internal_error]
  grpc.client shop.Carts/Get [unavailable]
"
    );
    assert_eq!(data[1]["server.port"], 443, "a number that was printed is a number again");
}

#[test]
fn queries_messages_functions_and_calls_have_their_operations() {
    let (picture, data) = children(|| {
        drop(info_span!(
            "q",
            db.system = "postgresql",
            db.name = "shop",
            db.statement = "\nSELECT *\n  FROM carts\n"
        ));
        drop(info_span!("q", db.system.name = "redis", db.query.text = "GET cart:1"));
        drop(info_span!("q", db.operation.name = "findOne", db.collection.name = "carts"));
        drop(info_span!("commit", db.system = "sqlite", db.operation = "EXECUTE"));
        drop(info_span!(
            "m",
            messaging.system = "kafka",
            messaging.destination = "orders",
            otel.kind = "producer"
        ));
        drop(info_span!("m", messaging.destination.name = "orders", messaging.operation = "process"));
        drop(info_span!(
            "f",
            faas.invoked_name = "resize",
            faas.invoked_provider = "aws",
            otel.kind = "client"
        ));
        drop(info_span!(
            "r",
            rpc.system = "grpc",
            rpc.service = "shop.Carts",
            rpc.method = "Get",
            otel.kind = "server"
        ));
        drop(info_span!("p", otel.kind = "consumer"));
        drop(info_span!("plain", rows = 3, db_pool = "a"));
    });
    assert_eq!(
        picture,
        "function work
  db SELECT *
  FROM carts
  db.redis GET cart:1
  db findOne carts
  db commit
  queue.publish orders
  queue.process orders
  function.aws resize
  grpc.server shop.Carts/Get
  queue.process p
  function plain
"
    );
    assert_eq!(
        data[0],
        json!({"db.system.name": "postgresql", "db.namespace": "shop", "db.query.text": "\nSELECT *\n  FROM carts\n"})
    );
    assert_eq!(data[9], json!({"rows": 3, "db_pool": "a"}));
}

#[test]
fn a_message_that_is_processed_is_a_task() {
    let (picture, source, _) = root(|| {
        drop(info_span!(
            "job",
            messaging.system = "kafka",
            messaging.destination.name = "orders",
            otel.kind = "consumer"
        ));
    });
    assert_eq!((picture.as_str(), source.as_str()), ("queue.process orders\n", "task"));
}

#[test]
fn the_address_of_a_client_is_a_persons_by_whatever_name() {
    let request = || {
        drop(info_span!("request", http.method = "GET", http.target = "/", net.peer.ip = "192.0.2.1"));
        drop(info_span!("query", db.system = "mysql", net.peer.ip = "192.0.2.2"));
    };
    let data = |pii| -> Vec<Value> {
        let transactions = captured_with(options().send_default_pii(pii), request).transactions();
        transactions.into_iter().map(|root| told(root.contexts.trace.unwrap_or_default().data)).collect()
    };
    assert_eq!(data(false)[0]["client.address"], "[Filtered]");
    assert_eq!(data(true)[0]["client.address"], "192.0.2.1");
    assert_eq!(data(false)[1]["network.peer.address"], "192.0.2.2", "a database is no person");
}

/// Spans as rig 0.44 makes them (`rig::telemetry`), and as genai 0.7 does (`genai::otel`).
fn model_calls() {
    let agent = info_span!(target: "rig::agent_chat", "invoke_agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Refunder");
    agent.in_scope(|| {
        let chat = info_span!(
            target: "rig::completions",
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-5",
            gen_ai.system_instructions = "be kind",
            gen_ai.input.messages = Empty,
            gen_ai.output.messages = Empty,
            gen_ai.usage.output_tokens = 42,
            gen_ai.usage.reasoning_tokens = 7,
        );
        chat.record("gen_ai.input.messages", r#"[{"role":"user","parts":[]}]"#);
        chat.in_scope(|| error!("the model is overloaded"));
        drop(info_span!(target: "rig::agent_chat", "execute_tool", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "refund", gen_ai.tool.call.arguments = "{}"));
        let span = info_span!(target: "genai::otel::span", "genai.chat", otel.name = "chat claude", otel.kind = "client", gen_ai.operation.name = "chat", gen_ai.system = "anthropic", error.type = Empty, otel.status_code = Empty);
        span.record("otel.status_code", "ERROR");
        span.record("error.type", "timeout");
    });
}

#[test]
fn what_is_done_with_models_is_told_without_what_is_said_to_them() {
    let captured = captured(model_calls);
    assert_eq!(
        captured.draw(),
        "error: the model is overloaded
  in invoke_agent Refunder
gen_ai.invoke_agent invoke_agent Refunder
  gen_ai.chat chat gpt-5 [internal_error]
  gen_ai.execute_tool execute_tool refund
  gen_ai.chat chat claude [internal_error]
"
    );
    let spans = captured.transactions().remove(0).spans;
    let chat = told(spans[0].data.clone());
    assert_eq!(
        chat,
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
            "gen_ai.system_instructions": "[Filtered]", "gen_ai.input.messages": "[Filtered]",
            "gen_ai.usage.output_tokens": 42, "gen_ai.usage.reasoning.output_tokens": 7,
            "gen_ai.agent.name": "Refunder",
        })
    );
    assert_eq!(spans[1].data["gen_ai.tool.call.arguments"], "[Filtered]");
    assert_eq!(spans[2].data["gen_ai.provider.name"], "anthropic");
    let origins: Vec<_> = spans.iter().map(|span| span.origin.as_deref().unwrap_or_default()).collect();
    assert_eq!(origins, ["auto.ai.rig", "auto.ai.rig", "auto.ai.genai"]);
    // An issue carries the fields of the spans that it happened in.
    let issue = serde_json::to_string(&captured.events()).unwrap();
    assert!(issue.contains("gpt-5") && !issue.contains("be kind"), "{issue}");
}

#[test]
fn with_consent_what_is_said_to_models_is_told_too() {
    let captured = captured_with(options().send_default_pii(true), model_calls);
    let chat = captured.transactions().remove(0).spans.remove(0);
    assert_eq!(chat.data["gen_ai.system_instructions"], "be kind");
    assert_eq!(chat.data["gen_ai.input.messages"], r#"[{"role":"user","parts":[]}]"#);
}
