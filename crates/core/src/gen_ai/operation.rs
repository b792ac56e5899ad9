//! What is done with a model, as a span that is about to start.

use std::fmt;

use serde::Serialize;

use super::message::Message;
use super::pipeline::pipeline_name;
use crate::api::start_span;
use crate::builder::{EnteredSpan, SpanBuilder};
use crate::client;
use crate::current::Scopes;
use crate::fields::FieldValue;
use crate::span::Span;

/// The run of an agent.
pub fn agent(name: &str) -> Operation {
    Operation::new("invoke_agent", name).about("gen_ai.agent.name", name)
}

/// The creation of an agent.
pub fn create_agent(name: &str) -> Operation {
    Operation::new("create_agent", name).about("gen_ai.agent.name", name)
}

/// One call of a tool.
pub fn tool(name: &str) -> Operation {
    Operation::new("execute_tool", name).about("gen_ai.tool.name", name)
}

/// One call of a model that talks.
pub fn chat(model: &str) -> Operation {
    operation("chat", model)
}

/// One call of a model that makes vectors.
pub fn embeddings(model: &str) -> Operation {
    operation("embeddings", model)
}

/// One call of a model that puts documents in order.
pub fn rerank(model: &str) -> Operation {
    operation("rerank", model)
}

/// One call of a model for another purpose: `generate_content`, `text_completion`, `responses`.
pub fn operation(operation: &'static str, model: &str) -> Operation {
    Operation::new(operation, model).about("gen_ai.request.model", model)
}

/// An agent hands the work on to another.
pub fn handoff(from: &str, to: &str) -> Operation {
    Operation::new("handoff", to).renamed(format!("handoff from {from} to {to}"))
}

/// Records what a tool has answered, if what is said may be sent.
pub fn record_result(span: &Span, result: &(impl Serialize + ?Sized)) {
    if span.is_recording() && may_tell() {
        span.set_attribute("gen_ai.tool.call.result", text(result).as_str());
    }
}

/// Something that is about to be done with a model; made by [`chat`], [`agent`], [`tool`] and their like.
///
/// What it does not know by name is an [`attribute`](Self::attribute), under the name of the conventions.
#[must_use = "nothing is started before `start` or `enter`"]
pub struct Operation {
    span: SpanBuilder,
    /// Whether what is said may be sent.
    tells: bool,
}

impl Operation {
    fn new(operation: &'static str, subject: &str) -> Operation {
        let span = start_span(if subject.is_empty() {
            operation.to_owned()
        } else {
            format!("{operation} {subject}")
        })
        .op(format!("gen_ai.{operation}"))
        .attribute("gen_ai.operation.name", operation);
        let operation = Operation { span, tells: may_tell() };
        match pipeline_name() {
            Some(pipeline) => operation.about("gen_ai.pipeline.name", &pipeline),
            None => operation,
        }
    }

    fn about(self, key: &'static str, value: &str) -> Self {
        if value.is_empty() { self } else { self.attribute(key, value) }
    }

    fn renamed(self, name: String) -> Self {
        Operation { span: self.span.name(name), ..self }
    }

    /// Who offers the model: `openai`, `anthropic`, `gcp.gemini`, …
    pub fn provider(self, name: &str) -> Self {
        self.about("gen_ai.provider.name", name)
    }

    /// The agent that does it, where no span around it says so.
    pub fn agent(self, name: &str) -> Self {
        self.about("gen_ai.agent.name", name)
    }

    /// The conversation that it is part of.
    pub fn conversation(self, id: &str) -> Self {
        self.about("gen_ai.conversation.id", id)
    }

    /// What the model is asked to do it with: `temperature`, `max_tokens`, `top_p`, `top_k`, `seed`, `frequency_penalty`, `presence_penalty`, `reasoning.level`.
    pub fn parameter<'a>(self, name: &str, value: impl Into<FieldValue<'a>>) -> Self {
        Operation { span: self.span.owned_attribute(&format!("gen_ai.request.{name}"), value.into()), ..self }
    }

    /// Any other attribute, under the name of the conventions.
    pub fn attribute<'a>(self, key: &'static str, value: impl Into<FieldValue<'a>>) -> Self {
        Operation { span: self.span.attribute(key, value), ..self }
    }

    /// What the model is told to be; only sent with `send_default_pii`.
    pub fn system_instructions(self, text: &str) -> Self {
        if self.tells { self.about("gen_ai.system_instructions", text) } else { self }
    }

    /// The conversation so far, the newest last; only sent with `send_default_pii`.
    pub fn input(self, messages: &[Message]) -> Self {
        self.said("gen_ai.input.messages", messages)
    }

    /// What vectors are made of; only sent with `send_default_pii`.
    pub fn embeddings_input(self, texts: &(impl Serialize + ?Sized)) -> Self {
        self.said("gen_ai.embeddings.input", texts)
    }

    /// What a tool is called with; only sent with `send_default_pii`.
    pub fn arguments(self, arguments: &(impl Serialize + ?Sized)) -> Self {
        self.said("gen_ai.tool.call.arguments", arguments)
    }

    /// The tools that the model may call, as the provider takes them.
    pub fn tools(self, definitions: &(impl Serialize + ?Sized)) -> Self {
        self.attribute("gen_ai.tool.definitions", text(definitions).as_str())
    }

    fn said(self, key: &'static str, value: &(impl Serialize + ?Sized)) -> Self {
        if self.tells { self.about(key, &text(value)) } else { self }
    }

    /// What makes the span, as `auto.ai.<library>`. Default: `manual`.
    pub fn origin(self, origin: &'static str) -> Self {
        Operation { span: self.span.origin(origin), ..self }
    }

    /// Starts it: a child of the span that is open here, else a transaction of its own.
    pub fn start(self) -> Span {
        self.span.start()
    }

    /// Starts it, as the open span until the guard is dropped. For a future, there is [`in_span`](crate::FutureExt::in_span).
    pub fn enter(self) -> EnteredSpan {
        self.span.enter()
    }
}

/// Whether what people say may be sent from here.
pub(super) fn may_tell() -> bool {
    client::any_active() && Scopes::at_hand().client().is_some_and(|client| client.options().send_default_pii)
}

/// A value as the attribute wants it: a text as it is, everything else as JSON (§17.2).
pub(super) fn text(value: &(impl Serialize + ?Sized)) -> String {
    let printed = crate::unharmed::unharmed(|| match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(value) => value.to_string(),
        Err(error) => format!("<{error}>"),
    });
    printed.unwrap_or_default()
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operation").field(&self.span).finish()
    }
}

impl From<Operation> for SpanBuilder {
    fn from(operation: Operation) -> Self {
        operation.span
    }
}
