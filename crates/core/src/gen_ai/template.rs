//! Spans for functions, by what the function is for (features V04).

use crate::api::start_span;
use crate::builder::SpanBuilder;

use super::operation::{agent, operation, tool};

/// What a function is for: it says what its span is called.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::gen_ai::SpanTemplate;
///
/// fn find_order() {
///     let _span = SpanTemplate::AiTool.span("find_order", None).enter();
/// }
/// # find_order();
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanTemplate {
    /// Plain work: `function`.
    #[default]
    Default,
    /// An agent: `gen_ai.invoke_agent`.
    AiAgent,
    /// A tool: `gen_ai.execute_tool`.
    AiTool,
    /// A call of a model: `gen_ai.chat`.
    AiChat,
}

impl SpanTemplate {
    /// A span for `function`, about to start; a call is called by its model.
    pub fn span(self, function: &str, model: Option<&str>) -> SpanBuilder {
        match self {
            SpanTemplate::Default => start_span(function.to_owned()).op("function"),
            SpanTemplate::AiAgent => agent(function).into(),
            SpanTemplate::AiTool => tool(function).into(),
            SpanTemplate::AiChat => operation("chat", model.unwrap_or_default()).into(),
        }
    }
}
