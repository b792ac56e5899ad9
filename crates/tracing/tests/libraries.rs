//! Libraries that are too much to build for a test, imitated: targets, names and fields as they were read in the source of the version
//! that is named. The others are in `tests/libraries.rs`, as their users have them.

use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{debug, debug_span, error, error_span, info_span};
use tracing_subscriber::prelude::*;
use watchpost_core::api::{capture_message, set_tag};
use watchpost_protocol::Map;
use watchpost_testkit::Captured;

fn captured(work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost_tracing::layer());
    watchpost_testkit::capture(|| tracing::subscriber::with_default(subscriber, work))
}

/// What made the first transaction, what its name is, and its attributes without the place in the program.
fn root(captured: &Captured) -> (String, String, Value) {
    let transaction = captured.transactions().remove(0);
    let trace = transaction.contexts.trace.unwrap_or_default();
    let mut data: Map<String, Value> = trace.data;
    data.retain(|key, _| !key.starts_with("code.") && !key.starts_with("thread."));
    let source = transaction.transaction_info.unwrap_or_default().source;
    (trace.origin.unwrap_or_default(), source.to_string(), Value::Object(data))
}

/// apalis 1.0, `layers/tracing/{make_span,on_failure}.rs`.
fn apalis(task_id: &str, result: Result<(), &str>, work: impl FnOnce()) {
    let span =
        debug_span!(target: "apalis::layers::tracing::make_span", "task", task_id = task_id, attempt = 1);
    span.in_scope(|| {
        debug!(target: "apalis::layers::tracing::on_request", "task.start");
        work();
        if let Err(error) = result {
            error!(target: "apalis::layers::tracing::on_failure", done_in = "2ms", result = %error, "task.failed");
        }
    });
}

#[test]
fn a_task_of_apalis_is_a_unit_of_work_and_its_failure_one_issue() {
    let captured = captured(|| {
        apalis("1", Err("no such mailbox"), || set_tag("mail", "welcome"));
        apalis("2", Err("no such mailbox"), || error!("the mailbox is gone"));
        apalis("3", Ok(()), || {});
    });
    assert_eq!(
        captured.draw(),
        "error: no such mailbox
  in task
  tags: mail=welcome
queue.process task [internal_error]
  tags: mail=welcome
error: the mailbox is gone
  in task
queue.process task [internal_error]
queue.process task
",
        "what the task has reported itself is not reported again"
    );
    let (origin, _, data) = root(&captured);
    assert_eq!(origin, "auto.queue.apalis");
    assert_eq!(
        data,
        json!({"messaging.message.id": "1", "messaging.system": "apalis", "otel.kind": "consumer", "attempt": 1})
    );
}

#[test]
fn a_failure_of_apalis_outside_of_any_work_is_an_issue_each_time() {
    let captured = captured(|| {
        capture_message("of the process");
        error!(target: "apalis::layers::tracing::on_failure", done_in = "2ms", result = "late", "task.failed");
    });
    assert_eq!(captured.draw(), "info: of the process\nerror: late\n");
}

#[test]
fn an_invocation_of_lambda_is_a_function_of_aws() {
    // lambda_runtime 1.5, `layers/trace.rs`, and within it `layers/otel.rs`.
    let captured = captured(|| {
        let invoke = info_span!(target: "lambda_runtime::layers::trace", "Lambda runtime invoke", requestId = "7f", xrayTraceId = "1-2");
        invoke.in_scope(|| {
            drop(info_span!(target: "lambda_runtime::layers::otel", "Lambda function invocation", otel.name = "resize", otel.kind = Empty, faas.name = "resize", faas.trigger = "http", faas.invocation_id = "7f", faas.coldstart = true));
        });
    });
    assert_eq!(captured.draw(), "function.aws Lambda runtime invoke\n  function.aws resize\n");
    let (origin, _, data) = root(&captured);
    assert_eq!(origin, "auto.function.lambda_runtime");
    assert_eq!(data, json!({"faas.invocation_id": "7f", "xrayTraceId": "1-2", "cloud.provider": "aws"}));
}

#[test]
fn calls_of_the_aws_sdk_are_taken_though_they_are_at_debug() {
    // Generated for every operation, in a module of its own.
    let captured = captured(|| {
        info_span!("work").in_scope(|| {
            let call = debug_span!(target: "aws_sdk_s3::operation::get_object", "S3.GetObject", rpc.service = "S3", rpc.method = "GetObject", sdk_invocation_id = 7, rpc.system = "aws-api");
            call.in_scope(|| drop(debug_span!(target: "aws_smithy_runtime::client::orchestrator", "try_attempt", attempt = 1)));
        });
    });
    assert_eq!(captured.draw(), "function work\n  rpc S3/GetObject\n");
    assert_eq!(captured.transactions()[0].spans[0].origin.as_deref(), Some("auto.rpc.aws"));
}

#[test]
fn chains_speak_the_names_of_models() {
    // langchain-rust 7.0, `observability.rs` and `agent/executor.rs`.
    let captured = captured(|| {
        info_span!(target: "langchain_rust::agent::executor", "agent.run", max_iterations = 5, error = Empty).in_scope(|| {
            let call = info_span!(target: "langchain_rust::observability", "llm.generate", provider = "openai", model = "gpt-5", stream = false, prompt_tokens = Empty, error = Empty);
            call.record("prompt_tokens", 310);
            drop(call);
            let tool = info_span!(target: "langchain_rust::agent::executor", "tool.call", tool = "refund", error = Empty);
            tool.record("error", "refused");
        });
    });
    assert_eq!(
        captured.draw(),
        "gen_ai.invoke_agent invoke_agent
  gen_ai.chat chat gpt-5
  gen_ai.execute_tool execute_tool refund [internal_error]
"
    );
    let chat = &captured.transactions()[0].spans[0];
    assert_eq!(
        (&chat.data["gen_ai.usage.input_tokens"], &chat.data["gen_ai.provider.name"]),
        (&310.into(), &"openai".into())
    );
}

#[test]
fn a_query_of_graphql_is_parsed_without_what_it_asks_for() {
    // async-graphql 7.2, `extensions/tracing.rs`.
    let captured = captured(|| {
        info_span!(target: "async_graphql::graphql", "request").in_scope(|| {
            let parse = info_span!(target: "async_graphql::graphql", "parse", source = Empty);
            parse.record("source", "{ user(mail: \"ada@example.com\") { id } }");
            drop(parse);
            info_span!(target: "async_graphql::graphql", "execute").in_scope(|| {
                drop(info_span!(target: "async_graphql::graphql", "field", path = "user.id", parent_type = "User", return_type = "ID!"));
            });
        });
    });
    assert_eq!(
        captured.draw(),
        "function request\n  graphql.parse parse\n  graphql.execute execute\n    graphql.resolve user.id\n"
    );
    assert_eq!(captured.transactions()[0].spans[0].data["graphql.document"], "[Filtered]");
}

#[test]
fn requests_are_requests_by_whatever_names() {
    type Served = (fn() -> tracing::Span, &'static str, &'static str, &'static str);
    let served: [Served; 4] = [
        (
            // tracing-actix-web 0.7, `root_span_macro.rs`.
            || {
                let span = info_span!(target: "tracing_actix_web::root_span_builder", "HTTP request", http.method = "GET", http.route = "/users/{id}", http.flavor = "1.1", http.scheme = "http", http.host = "shop.example:8080", http.client_ip = "192.0.2.1", http.user_agent = "curl", http.target = "/users/17", http.status_code = Empty, otel.name = "GET /users/{id}", otel.kind = "server", otel.status_code = Empty);
                span.record("http.status_code", 404);
                span.record("otel.status_code", "OK");
                span
            },
            "http.server GET /users/{id} [not_found]\n",
            "auto.http.actix_web",
            "route",
        ),
        (
            // poem 3.1, `middleware/tracing_mw.rs`.
            || info_span!(target: "poem::middleware::tracing_mw", "request", remote_addr = "192.0.2.1", version = ?"HTTP/1.1", method = %"GET", uri = %"/users/17?x=1"),
            "http.server GET /users/17\n",
            "auto.http.poem",
            "url",
        ),
        (
            // warp 0.4, `filters/trace.rs`.
            || info_span!(target: "warp::filters::trace", "request", remote.addr = "192.0.2.1", method = "GET", path = "/users/17", version = "HTTP/1.1", referer = Empty),
            "http.server GET /users/17\n",
            "auto.http.warp",
            "url",
        ),
        (
            // loco 1.2, `controller/middleware/logger.rs`.
            || error_span!(target: "loco_rs::controller::middleware::logger", "http-request", http.method = "GET", http.uri = "/users/17?x=1", http.version = "HTTP/1.1", request_id = "1"),
            "http.server GET /users/17\n",
            "auto.http.loco",
            "url",
        ),
    ];
    for (span, picture, origin, source) in served {
        let captured = captured(|| drop(span()));
        assert_eq!(captured.draw(), picture);
        let (made_by, what, data) = root(&captured);
        assert_eq!((made_by.as_str(), what.as_str()), (origin, source));
        assert_eq!(data["url.path"], "/users/17");
        assert!(data.get("client.address").is_none_or(|address| address == "[Filtered]"), "{data}");
    }
}
