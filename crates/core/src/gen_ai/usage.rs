//! What a model has answered, and what that took.

use super::message::Message;
use super::operation::{may_tell, text};
use crate::span::Span;

/// How many tokens a call took. Cached tokens are part of the input, and those of reasoning part of the output: reported beside them, they would
/// be paid twice.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::gen_ai::{self, TokenUsage};
///
/// let call = gen_ai::chat("gpt-5").start();
/// TokenUsage {
///     input_tokens: Some(310),
///     input_tokens_cached: Some(256),
///     output_tokens: Some(42),
///     ..TokenUsage::default()
/// }
/// .record(&call);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// What went in, with what was cached.
    pub input_tokens: Option<u64>,
    /// How many of those came from a cache.
    pub input_tokens_cached: Option<u64>,
    /// How many of those were written to a cache.
    pub input_tokens_cache_write: Option<u64>,
    /// What came out, with the reasoning.
    pub output_tokens: Option<u64>,
    /// How many of those were reasoning.
    pub output_tokens_reasoning: Option<u64>,
    /// Both together. Default: their sum, where both are known.
    pub total_tokens: Option<u64>,
}

impl TokenUsage {
    /// Records it on the span of the call.
    pub fn record(&self, span: &Span) {
        for (key, value) in self.attributes() {
            if let Some(value) = value {
                span.set_attribute(key, value);
            }
        }
    }

    fn attributes(&self) -> [(&'static str, Option<u64>); 6] {
        let sum = || self.input_tokens?.checked_add(self.output_tokens?);
        [
            ("gen_ai.usage.input_tokens", self.input_tokens),
            ("gen_ai.usage.cache_read.input_tokens", self.input_tokens_cached),
            ("gen_ai.usage.cache_creation.input_tokens", self.input_tokens_cache_write),
            ("gen_ai.usage.output_tokens", self.output_tokens),
            ("gen_ai.usage.reasoning.output_tokens", self.output_tokens_reasoning),
            ("gen_ai.usage.total_tokens", self.total_tokens.or_else(sum)),
        ]
    }
}

/// What a model has answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response {
    /// The model that it was, which may be called other than the one that was asked for.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// Why it ended: `stop`, `length`, `tool_calls`, …
    pub finish_reasons: Vec<String>,
    /// What it took.
    pub usage: TokenUsage,
    /// How long until the first token, in seconds.
    pub time_to_first_token: Option<f64>,
    /// What it says; only sent with `send_default_pii`.
    pub output: Vec<Message>,
}

impl Response {
    /// Records it on the span of the call.
    pub fn record(&self, span: &Span) {
        if !span.is_recording() {
            return;
        }
        self.usage.record(span);
        for (key, value) in [("gen_ai.response.model", &self.model), ("gen_ai.response.id", &self.id)] {
            if let Some(value) = value {
                span.set_attribute(key, value.as_str());
            }
        }
        if !self.finish_reasons.is_empty() {
            span.set_attribute("gen_ai.response.finish_reasons", text(&self.finish_reasons).as_str());
        }
        if let Some(seconds) = self.time_to_first_token {
            span.set_attribute("gen_ai.response.streaming", true);
            span.set_attribute("gen_ai.response.time_to_first_token", seconds);
        }
        if !self.output.is_empty() && may_tell() {
            span.set_attribute("gen_ai.output.messages", text(&self.output).as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_unless_it_is_known() {
        let total = |usage: TokenUsage| usage.attributes()[5].1;
        let both = TokenUsage { input_tokens: Some(10), output_tokens: Some(20), ..TokenUsage::default() };
        assert_eq!(total(both), Some(30));
        assert_eq!(total(TokenUsage { total_tokens: Some(40), ..both }), Some(40));
        assert_eq!(total(TokenUsage { output_tokens: None, ..both }), None);
        assert_eq!(total(TokenUsage { output_tokens: Some(u64::MAX), ..both }), None);
    }
}
