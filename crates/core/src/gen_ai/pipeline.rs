//! Pipelines: what several calls, tools and agents are done for (features A01–A03).

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use crate::api::start_span;
use crate::current::Scopes;
use crate::future::{FutureExt, InSpan};
use crate::scope::Scope;
use crate::span::Span;

/// Names the pipeline of this request, task or job, or with `None` none: what is done with models in it has `gen_ai.pipeline.name`. For a
/// part of one, there is [`ai_track`].
///
/// A task that is spawned without its scopes belongs to the process: what it sets there is the process's.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::gen_ai;
///
/// gen_ai::set_pipeline_name("support");
/// assert_eq!(gen_ai::pipeline_name().as_deref(), Some("support"));
/// gen_ai::set_pipeline_name(None::<&str>);
/// ```
pub fn set_pipeline_name<'a>(name: impl Into<Option<&'a str>>) {
    Scopes::current().isolation().set_pipeline_name(name.into());
}

/// The pipeline that this is part of.
#[must_use]
pub fn pipeline_name() -> Option<Arc<str>> {
    let scopes = Scopes::at_hand();
    let of = |scope: &Scope| scope.data().pipeline.clone();
    of(scopes.current_scope()).or_else(|| of(scopes.isolation())).or_else(|| of(Scope::global()))
}

/// Runs `work` as a pipeline of this name; within another, as a part of that one. It is a span of the operation `ai.pipeline`, or `ai.run`.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::gen_ai;
///
/// let answer = gen_ai::ai_track("support", || {
///     let _call = gen_ai::chat("gpt-5").enter();
///     "On its way."
/// });
/// ```
pub fn ai_track<T>(description: impl Into<Cow<'static, str>>, work: impl FnOnce() -> T) -> T {
    let (span, scopes) = begin(description.into());
    let _entered = Arc::new(scopes.inside(&span)).attach();
    let _span = span; // ends before its scopes are left
    work()
}

/// As [`ai_track`], for a future.
pub fn ai_track_future<F: Future>(description: impl Into<Cow<'static, str>>, work: F) -> InSpan<F> {
    let (span, scopes) = begin(description.into());
    let _entered = Arc::new(scopes).attach();
    work.in_span(span)
}

/// The span, and scopes in which the pipeline has its name.
fn begin(description: Cow<'static, str>) -> (Span, Scopes) {
    let scopes = Scopes::current().forked();
    let pipeline = pipeline_name();
    let mut span =
        start_span(description.clone()).op(if pipeline.is_some() { "ai.run" } else { "ai.pipeline" });
    match pipeline {
        Some(pipeline) => span = span.attribute("gen_ai.pipeline.name", &*pipeline),
        None => scopes.current_scope().set_pipeline_name(Some(&description)),
    }
    (span.start(), scopes)
}

impl Scope {
    fn set_pipeline_name(&self, name: Option<&str>) {
        let name = name.filter(|name| !name.is_empty()).map(Arc::from);
        self.update(|data| data.pipeline = name);
    }
}
