//! Spans by hand, and the trace from and to other processes (`protocol.md` §8).

use std::borrow::Cow;
use std::sync::Arc;

use crate::builder::SpanBuilder;
use crate::current::Scopes;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::propagation_context::PropagationContext;
use crate::span::Span;

/// A root span: sent as a transaction when it ends, whatever span is open around it.
pub fn start_transaction(name: impl Into<Cow<'static, str>>) -> SpanBuilder {
    SpanBuilder::new(name.into(), true)
}

/// A child of the span that is current; a root where none is.
pub fn start_span(name: impl Into<Cow<'static, str>>) -> SpanBuilder {
    SpanBuilder::new(name.into(), false)
}

/// The span that is current here. Dropping it does not end it.
#[must_use]
pub fn current_span() -> Option<Span> {
    Scopes::current().span()
}

/// Changes the span that is current here; nothing happens where none is recorded.
///
/// ```
/// # use watchpost_core::api::{start_transaction, update_current_span};
/// let _import = start_transaction("import").enter();
/// update_current_span(|span| {
///     span.set_op("queue.process");
///     span.set_attribute("rows", 42);
/// });
/// ```
pub fn update_current_span(update: impl FnOnce(&Span)) {
    if let Some(span) = current_span().filter(Span::is_recording) {
        update(&span);
    }
}

/// Sets a number of the transaction that is open, with a unit as `byte` or `millisecond`; empty for none.
#[deprecated(note = "use an attribute: update_current_span(|span| span.set_attribute(name, value))")]
pub fn set_measurement(name: impl Into<String>, value: f64, unit: &str) {
    if let Some(span) = &Scopes::current().span {
        let mut measurement = serde_json::json!({ "value": value });
        if !unit.is_empty() {
            measurement["unit"] = unit.into();
        }
        span.trace.set_measurement(name.into(), measurement);
    }
}

/// Continues the trace that the headers name, and prepares a root span in it. Without valid headers it is a
/// trace that begins here.
///
/// In a unit of work (a request, a task) everything that is captured from now on is in the trace, and so is every root that begins there. The
/// process as a whole is no such unit, and its trace is not changed: there, the root that is prepared here is in the trace, with whatever happens
/// while it is [entered](SpanBuilder::enter), or in a future that is [in it](crate::future::FutureExt::in_span); also while tracing is off. A
/// whole process continues the trace that its environment names (`SENTRY_TRACE`).
///
/// Takes a `&HeaderMap`, or any pairs of names and values; the names of CGI variables (`HTTP_SENTRY_TRACE`) are understood too.
///
/// ```
/// # use watchpost_core::api::continue_trace;
/// let headers = [("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1")];
/// let job = continue_trace(headers).name("resize").op("queue.process").enter();
/// ```
pub fn continue_trace<K: AsRef<str>, V: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = (K, V)>,
) -> SpanBuilder {
    let scopes = Scopes::current();
    let Incoming { sentry_trace, baggage } = Incoming::of(headers);
    let builder = SpanBuilder::new(Cow::Borrowed(""), true);
    let Some(client) = scopes.client() else { return builder };
    let strict = client.options().strict_trace_continuation;
    let own_org = client.config().org_id.as_deref();
    let (trace, baggage) = (sentry_trace.as_deref(), baggage.as_deref());
    let continued = PropagationContext::continued(trace, baggage, own_org, strict, client.rng());
    let continued = Arc::new(continued);
    if scopes.is_unit() {
        scopes.isolation().set_propagation(Some(Arc::clone(&continued)));
    }
    builder.in_trace(continued)
}

/// What to put on an outgoing request, so that the trace goes on there: `sentry-trace`, `baggage`, and with the option
/// `propagate_traceparent` also `traceparent`. Works while tracing is off too. Empty without a client.
#[must_use]
pub fn trace_headers() -> Vec<(&'static str, String)> {
    outgoing().map(|outgoing| outgoing.headers()).unwrap_or_default()
}

/// As [`trace_headers`], for a request to this URL: empty unless the option `trace_propagation_targets` names it, and always for the host that
/// the client itself reports to.
///
/// ```
/// # use watchpost_core::api::trace_headers_for;
/// let url = "https://api.example.com/orders";
/// for (name, value) in trace_headers_for(url) {
///     // request.header(name, value)
/// }
/// ```
#[must_use]
pub fn trace_headers_for(url: &str) -> Vec<(&'static str, String)> {
    let scopes = Scopes::current();
    match scopes.client() {
        Some(client) if client.tells(url) && !client.reports_to(url) => {
            Outgoing::of(&scopes, &client).headers()
        }
        _ => Vec::new(),
    }
}

/// The variables that let a program which is started from here continue the trace: `SENTRY_TRACE` and `SENTRY_BAGGAGE`, which its `init` reads.
/// Empty without a client.
///
/// ```
/// # use watchpost_core::api::trace_environment;
/// let mut child = std::process::Command::new("resize");
/// child.arg("cat.png").envs(trace_environment());
/// ```
#[must_use]
pub fn trace_environment() -> Vec<(&'static str, String)> {
    let Some(outgoing) = outgoing() else { return Vec::new() };
    // An empty baggage is said too: else the program would inherit the one that came to this one, of another trace maybe.
    vec![("SENTRY_TRACE", outgoing.sentry_trace()), ("SENTRY_BAGGAGE", outgoing.baggage(None))]
}

/// The value of an outgoing `sentry-trace` header. `None` without a client.
#[must_use]
pub fn traceparent() -> Option<String> {
    Some(outgoing()?.sentry_trace())
}

/// The value of an outgoing `baggage` header. `None` without a client, or with nothing to say. A request that has a `baggage`
/// of others already keeps theirs:
///
/// ```
/// # mod watchpost { pub use watchpost_protocol as protocol; }
/// use watchpost::protocol::propagation::{DynamicSamplingContext, merge_baggage};
/// # use watchpost_core::api::baggage;
///
/// let ours = DynamicSamplingContext::from_baggage(&baggage().unwrap_or_default());
/// let header = merge_baggage(Some("team=x"), &ours);
/// ```
#[must_use]
pub fn baggage() -> Option<String> {
    Some(outgoing()?.baggage(None)).filter(|baggage| !baggage.is_empty())
}

fn outgoing() -> Option<Outgoing> {
    let scopes = Scopes::current();
    let client = scopes.client()?;
    Some(Outgoing::of(&scopes, &client))
}
