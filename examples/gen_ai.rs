//! An agent that asks a model, calls a tool, and answers; the model is a function here.
//!
//! `cargo run --example gen_ai` answers two questions and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal: each question is a transaction, with the
//! agent, its calls and what they cost. With `SHOW_WHAT_IS_SAID=1` the conversation is reported, too.

use std::error::Error;

use serde_json::{Value, json};
use watchpost::gen_ai::{self, Message, Response, TokenUsage};
use watchpost::{Options, SpanStatus, ai_track, capture_error, start_transaction, with_isolation_scope};

fn main() -> Result<(), Box<dyn Error>> {
    let told = std::env::var_os("SHOW_WHAT_IS_SAID").is_some();
    let options = Options::from_env()?.traces_sample_rate(1.0)?.send_default_pii(told).console();
    let _guard = watchpost::init(options)?;

    for question in ["Where is order 7?", "Where is order 9?"] {
        with_isolation_scope(|_| {
            let _work = start_transaction("answer").op("task").enter();
            // Everything that is done with models in here is part of the pipeline "support".
            let answer = ai_track("support", || answer(question));
            println!("{question} {}", answer.unwrap_or_else(|error| error.to_string()));
        });
    }
    Ok(())
}

fn answer(question: &str) -> Result<String, Box<dyn Error>> {
    let _agent = gen_ai::agent("Clerk").provider("toy").conversation("c-42").enter();
    let mut conversation = vec![Message::user(question)];
    loop {
        let said = ask(&conversation);
        let Some(id) = said.parts[0]["arguments"]["id"].as_u64() else {
            return Ok(said.parts[0]["content"].as_str().unwrap_or_default().to_owned());
        };
        conversation.push(said);
        conversation.push(Message::tool_response("call-1", find_order(id)?));
    }
}

/// One call of the model.
fn ask(conversation: &[Message]) -> Message {
    let call =
        gen_ai::chat("toy-1").provider("toy").parameter("temperature", 0.2).input(conversation).enter();
    let said = toy_model(conversation);
    Response {
        model: Some("toy-1-2026".into()),
        usage: TokenUsage {
            input_tokens: Some(120 * conversation.len() as u64),
            input_tokens_cached: Some(96),
            output_tokens: Some(18),
            ..TokenUsage::default()
        },
        output: vec![said.clone()],
        ..Response::default()
    }
    .record(&call);
    said
}

/// One call of a tool. That it fails is said on its span; that it is an issue, by the program.
fn find_order(id: u64) -> Result<Value, Box<dyn Error>> {
    let call = gen_ai::tool("find_order").arguments(&json!({ "id": id })).enter();
    if id != 7 {
        let error = std::io::Error::other("there is no such order");
        capture_error(&error);
        call.set_status(SpanStatus::NotFound);
        return Err(error.into());
    }
    gen_ai::record_result(&call, "shipped");
    Ok("shipped".into())
}

/// Asks for the order by its number, and repeats what it is told.
fn toy_model(conversation: &[Message]) -> Message {
    let last = &conversation[conversation.len() - 1];
    match last.parts[0]["result"].as_str() {
        Some(state) => Message::assistant(format!("It is {state}.")),
        None => {
            let question = last.parts[0]["content"].as_str().unwrap_or_default();
            let id: u64 =
                question.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
            Message::tool_call("call-1", "find_order", json!({ "id": id }))
        }
    }
}
