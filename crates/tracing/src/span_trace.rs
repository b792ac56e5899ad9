//! Errors that carry the spans they were made in: `TracedError` of `tracing-error`.

use std::error::Error;

use tracing_core::Metadata;
use tracing_error::ExtractSpanTrace;
use watchpost_core::{FieldValue, Fields};

/// The fields of the spans that an error was made in, the innermost's first. `tracing-error` has kept them as text.
pub(crate) fn fields(error: &(dyn Error + 'static)) -> Option<Fields> {
    let trace = error.span_trace()?;
    let mut fields = Fields::new();
    trace.with_spans(|metadata, printed| {
        for (name, value) in pairs(metadata, printed) {
            if fields.get(name).is_none() {
                fields.push_owned_key(name, FieldValue::from(value));
            }
        }
        true
    });
    Some(fields)
}

/// The `name=value` of a span. A value may have spaces in it: it ends where the next name begins.
fn pairs<'a>(metadata: &'static Metadata<'static>, printed: &'a str) -> Vec<(&'static str, &'a str)> {
    let starts = metadata.fields().iter().filter_map(|field| {
        let name = field.name();
        let is_start = |&(at, _): &(usize, &str)| {
            let before = printed[..at].chars().next_back();
            printed[at + name.len()..].starts_with('=') && before.is_none_or(|char| char == ' ')
        };
        let at = printed.match_indices(name).find(is_start)?.0;
        Some((at, name))
    });
    let mut starts: Vec<(usize, &'static str)> = starts.collect();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([printed.len()]);
    let value = |((at, name), end): (&(usize, &'static str), usize)| {
        (*name, printed[at + name.len() + 1..end].trim_end().trim_matches('"'))
    };
    starts.iter().zip(ends).map(value).collect()
}
