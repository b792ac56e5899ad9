//! What is done with models: by hand, and by libraries that say it through `tracing` (features A01–A05).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::gen_ai::{self, Message, Response, TokenUsage, pipeline_name, set_pipeline_name};
use watchpost::protocol::SpanRecord;
use watchpost::{
    FutureExt, Options, SpanStatus, ai_track, ai_track_future, start_transaction, with_isolation_scope,
};
use watchpost_testkit::{Captured, capture_with, options};

fn captured(options: Options, work: impl FnOnce()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, || {
        capture_with(options, || with_isolation_scope(|_| work()))
    })
}

fn with_pii() -> Options {
    options().send_default_pii(true)
}

/// What is said of models in a span.
fn told(span: &SpanRecord) -> Value {
    span.data
        .iter()
        .filter(|(key, _)| key.starts_with("gen_ai."))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// An agent that asks a model, calls a tool, asks again, and hands over to another.
fn support() {
    let agent = gen_ai::agent("Refunder").provider("openai").conversation("c-42").enter();
    {
        let question = [Message::user("Where is my order?")];
        let call = gen_ai::chat("gpt-5")
            .provider("openai")
            .parameter("temperature", 0.5)
            .parameter("max_tokens", 100);
        let call = call.system_instructions("Be kind.").input(&question).enter();
        Response {
            model: Some("gpt-5-2026".into()),
            id: Some("r-1".into()),
            finish_reasons: vec!["tool_calls".into()],
            usage: TokenUsage {
                input_tokens: Some(310),
                input_tokens_cached: Some(256),
                output_tokens: Some(42),
                output_tokens_reasoning: Some(20),
                ..TokenUsage::default()
            },
            output: vec![Message::tool_call("call-1", "find_order", json!({ "id": 7 }))],
            ..Response::default()
        }
        .record(&call);
    }
    {
        let tool = gen_ai::tool("find_order").arguments(&json!({ "id": 7 })).enter();
        gen_ai::record_result(&tool, "shipped");
    }
    gen_ai::embeddings("text-3").embeddings_input(&["order 7"]).start().finish();
    gen_ai::handoff("Refunder", "Human").start().finish();
    drop(agent);
}

#[test]
fn an_agent_by_hand() {
    let captured = captured(options(), || ai_track("support", support));
    assert_eq!(
        captured.draw(),
        "ai.pipeline support
  gen_ai.invoke_agent invoke_agent Refunder
    gen_ai.chat chat gpt-5
    gen_ai.execute_tool execute_tool find_order
    gen_ai.embeddings embeddings text-3
    gen_ai.handoff handoff from Refunder to Human
"
    );
    let transaction = captured.transactions().remove(0);
    let chat = transaction.spans.iter().find(|span| span.op.as_deref() == Some("gen_ai.chat")).unwrap();
    assert_eq!(
        told(chat),
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5", "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 100,
            "gen_ai.response.model": "gpt-5-2026", "gen_ai.response.id": "r-1",
            "gen_ai.response.finish_reasons": "[\"tool_calls\"]",
            "gen_ai.usage.input_tokens": 310, "gen_ai.usage.cache_read.input_tokens": 256,
            "gen_ai.usage.output_tokens": 42, "gen_ai.usage.reasoning.output_tokens": 20,
            "gen_ai.usage.total_tokens": 352,
            // From the spans around it.
            "gen_ai.agent.name": "Refunder", "gen_ai.conversation.id": "c-42", "gen_ai.pipeline.name": "support",
        })
    );
}

#[test]
fn what_is_said_needs_consent() {
    let said = ["Where is my order?", "Be kind.", "call-1", "shipped", "order 7"];
    let without = captured(options(), support).transactions().remove(0);
    let without = serde_json::to_string(&without).unwrap();
    for said in said {
        assert!(!without.contains(said), "{said}");
    }
    let with = captured(with_pii(), support).transactions().remove(0);
    let of = |op: &str| with.spans.iter().find(|span| span.op.as_deref() == Some(op)).unwrap().data.clone();
    let chat = of("gen_ai.chat");
    assert_eq!(chat["gen_ai.system_instructions"], "Be kind.");
    assert_eq!(
        chat["gen_ai.input.messages"],
        r#"[{"parts":[{"content":"Where is my order?","type":"text"}],"role":"user"}]"#
    );
    assert!(chat["gen_ai.output.messages"].as_str().unwrap().contains("tool_call"));
    let tool = of("gen_ai.execute_tool");
    assert_eq!(
        (&tool["gen_ai.tool.call.arguments"], &tool["gen_ai.tool.call.result"]),
        (&json!(r#"{"id":7}"#), &json!("shipped"))
    );
    assert_eq!(of("gen_ai.embeddings")["gen_ai.embeddings.input"], r#"["order 7"]"#);
}

#[test]
fn a_call_that_fails_is_a_span_that_failed() {
    let captured = captured(options(), || {
        gen_ai::chat("gpt-5").start().finish_with(SpanStatus::InternalError);
    });
    assert_eq!(captured.draw(), "gen_ai.chat chat gpt-5 [internal_error]\n");
}

/// Spans as rig 0.44 makes them, and as genai 0.7 does.
fn libraries() {
    let agent = info_span!(target: "rig::agent_chat", "invoke_agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Refunder");
    let _agent = agent.enter();
    drop(info_span!(
        target: "rig::completions",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5",
        gen_ai.usage.input_tokens = 310,
        gen_ai.usage.cache_read.input_tokens = 256,
        gen_ai.usage.output_tokens = 42,
        gen_ai.usage.reasoning_tokens = 7,
    ));
    drop(
        info_span!(target: "genai::otel::span", "genai.embeddings", otel.name = "embeddings e-1", gen_ai.operation.name = "embeddings", gen_ai.system = "openai", gen_ai.request.model = "e-1"),
    );
}

#[test]
fn what_libraries_say_inherits_agent_and_pipeline_and_is_added_up() {
    let captured = captured(options(), || ai_track("support", libraries));
    assert_eq!(
        captured.draw(),
        "ai.pipeline support
  gen_ai.invoke_agent invoke_agent Refunder
    gen_ai.chat chat gpt-5
    gen_ai.embeddings embeddings e-1
"
    );
    let spans = captured.transactions().remove(0).spans;
    let chat = spans.iter().find(|span| span.op.as_deref() == Some("gen_ai.chat")).unwrap();
    assert_eq!(
        told(chat),
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.input_tokens": 310, "gen_ai.usage.cache_read.input_tokens": 256,
            "gen_ai.usage.output_tokens": 42, "gen_ai.usage.reasoning.output_tokens": 7,
            "gen_ai.usage.total_tokens": 352,
            "gen_ai.agent.name": "Refunder", "gen_ai.pipeline.name": "support",
        })
    );
    assert!(spans.iter().all(|span| span.data["gen_ai.pipeline.name"] == "support"));
}

#[test]
fn a_long_conversation_is_sent_as_far_as_it_is_new() {
    let history: Vec<Message> = (0..50)
        .flat_map(|turn| {
            [Message::user(format!("question {turn}")), Message::assistant(format!("answer {turn}"))]
        })
        .chain([Message::user("the last question")])
        .collect();
    let by_hand = captured(with_pii(), || gen_ai::chat("gpt-5").input(&history).start().finish());
    let text = serde_json::to_string(&history).unwrap();
    let by_library = captured(with_pii(), || {
        drop(info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-5",
            gen_ai.input.messages = text
        ));
    });
    for captured in [by_hand, by_library] {
        let root = captured.transactions().remove(0).contexts.trace.unwrap();
        let sent: Vec<Message> =
            serde_json::from_str(root.data["gen_ai.input.messages"].as_str().unwrap()).unwrap();
        assert_eq!(sent, [Message::assistant("answer 49"), Message::user("the last question")]);
    }
}

#[test]
fn a_pipeline_belongs_to_its_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let captured = captured(options(), || {
        runtime.block_on(async {
            let a = async {
                set_pipeline_name("a");
                tokio::task::yield_now().await;
                assert_eq!(pipeline_name().as_deref(), Some("a"));
                gen_ai::chat("model-a").start().finish();
                set_pipeline_name(None);
                assert_eq!(pipeline_name(), None);
            };
            let b = async {
                assert_eq!(pipeline_name(), None, "it is not that of another task");
                gen_ai::chat("model-b").start().finish();
            };
            let a = tokio::spawn(a.isolated());
            let b = tokio::spawn(b.isolated());
            a.await.unwrap();
            b.await.unwrap();
        });
    });
    let mut pipelines: Vec<(String, Value)> = captured
        .transactions()
        .into_iter()
        .map(|root| {
            let data = root.contexts.trace.unwrap().data;
            (root.transaction, data.get("gen_ai.pipeline.name").cloned().unwrap_or_default())
        })
        .collect();
    pipelines.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(pipelines, [("chat model-a".into(), json!("a")), ("chat model-b".into(), Value::Null)]);
}

#[test]
fn pipelines_that_run_at_once_do_not_mix_and_one_within_another_is_a_part_of_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let captured = captured(options(), || {
        runtime.block_on(
            async {
                let one = |name: &'static str| {
                    ai_track_future(name, async move {
                        tokio::task::yield_now().await;
                        let part = ai_track_future("part", async { gen_ai::chat("m").start().finish() });
                        part.await;
                    })
                };
                tokio::join!(one("first"), one("second"));
            }
            .in_span(start_transaction("request").start()),
        );
    });
    let transaction = captured.transactions().remove(0);
    let mut chats: Vec<&str> = transaction
        .spans
        .iter()
        .filter(|span| span.op.as_deref() == Some("gen_ai.chat"))
        .map(|span| span.data["gen_ai.pipeline.name"].as_str().unwrap())
        .collect();
    chats.sort_unstable();
    assert_eq!(chats, ["first", "second"]);
    let runs = transaction.spans.iter().filter(|span| span.op.as_deref() == Some("ai.run"));
    assert_eq!(runs.count(), 2);
}

#[test]
fn what_may_not_be_sent_is_not_even_printed() {
    struct Panics;
    impl serde::Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("it was printed")
        }
    }
    let call = || {
        let tool = gen_ai::tool("find").arguments(&Panics).start();
        gen_ai::record_result(&tool, &Panics);
    };
    let root = captured(options(), call).transactions().remove(0).contexts.trace.unwrap();
    assert!(!root.data.keys().any(|key| key.starts_with("gen_ai.tool.call")));
    // With consent it is, and what cannot be printed harms nobody.
    let root = captured(with_pii(), call).transactions().remove(0).contexts.trace.unwrap();
    assert_eq!(root.data["gen_ai.tool.name"], "find");
}
