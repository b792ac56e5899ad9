//! What a program does with models: agents, tools, calls, and what they cost.
//!
//! Who uses a library that speaks the conventions (rig, genai, and others: see the tracing layer) needs none of this: its spans are understood. This is for calls by
//! hand.
//!
//! ```
//! # use watchpost_core as watchpost;
//! use watchpost::gen_ai::{self, Message, Response, TokenUsage};
//!
//! let agent = gen_ai::agent("Refunder").provider("openai").conversation("c-42").enter();
//! {
//!     let call = gen_ai::chat("gpt-5")
//!         .provider("openai")
//!         .parameter("temperature", 0.2)
//!         .input(&[Message::user("Where is my order?")])
//!         .enter();
//!     // … the call …
//!     Response {
//!         model: Some("gpt-5-2026".into()),
//!         usage: TokenUsage { input_tokens: Some(310), output_tokens: Some(42), ..TokenUsage::default() },
//!         output: vec![Message::assistant("On its way.")],
//!         ..Response::default()
//!     }
//!     .record(&call);
//! }
//! let lookup = gen_ai::tool("find_order").arguments(&serde_json::json!({ "id": 7 })).enter();
//! gen_ai::record_result(&lookup, &"shipped");
//! # drop((lookup, agent));
//! ```
//!
//! - **What is said stays here** unless `send_default_pii` is on: messages, instructions, arguments and results are not even printed. Models, numbers and names are
//!   always sent.
//! - **Agent, conversation and pipeline are inherited**: a span of this kind without one has that of the nearest span around it, also if a library made it.
//! - A call that fails is a span that failed: `call.set_status(SpanStatus::InternalError)`. Whether the error is an issue is for the program to say, as anywhere.
//! - What is sent of a conversation is its end: input from the last answer of the model on, at most 20 000 bytes for each attribute, the oldest messages going first.

mod message;
mod operation;
mod pipeline;
mod template;
mod usage;

pub use self::message::Message;
pub use self::operation::{
    Operation, agent, chat, create_agent, embeddings, handoff, operation, record_result, rerank, tool,
};
pub use self::pipeline::{ai_track, ai_track_future, pipeline_name, set_pipeline_name};
pub use self::template::SpanTemplate;
pub use self::usage::{Response, TokenUsage};
