//! Errors that carry the spans they were made in: `TracedError` of `tracing-error`.

use std::cmp::Reverse;
use std::error::Error;

use tracing_core::Metadata;
use tracing_error::ExtractSpanTrace;
use watchpost_core::{FieldValue, Fields};

/// The fields of the spans that an error was made in, the innermost's first. `tracing-error` has kept them as text.
pub(crate) fn fields(error: &(dyn Error + 'static)) -> Option<Fields> {
    let trace = error.span_trace()?;
    let mut fields = Fields::new();
    trace.with_spans(|metadata, printed| {
        for (name, value) in pairs(metadata, printed).into_iter().rev() {
            if fields.get(name).is_none() {
                fields.push_owned_key(name, FieldValue::from(value));
            }
        }
        true
    });
    Some(fields)
}

/// The `name=value` of a span, all of a name that comes twice. A value may have spaces in it: it ends where the next name begins, and text
/// in quotes where they end.
fn pairs<'a>(metadata: &'static Metadata<'static>, printed: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut starts: Vec<(usize, &'static str)> =
        metadata.fields().iter().flat_map(|field| starts(printed, field.name())).collect();
    starts.sort_unstable_by_key(|(at, name)| (*at, Reverse(name.len())));
    let mut free = 0;
    // One name may stand within another, or in the text of a value.
    starts.retain(|(at, name)| {
        let is_free = *at >= free;
        if is_free {
            let value = at + name.len() + 1;
            free = value + quoted(&printed[value..]);
        }
        is_free
    });
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([printed.len()]);
    let value = |((at, name), end): (&(usize, &'static str), usize)| {
        (*name, printed[at + name.len() + 1..end].trim_end().trim_matches('"'))
    };
    starts.iter().zip(ends).map(value).collect()
}

/// Where a field of this name may begin.
fn starts<'a>(printed: &'a str, name: &'static str) -> impl Iterator<Item = (usize, &'static str)> + 'a {
    let is_start = move |at: &usize| {
        let before = printed[..*at].chars().next_back();
        printed[at + name.len()..].starts_with('=') && before.is_none_or(|char| char == ' ')
    };
    printed.match_indices(name).map(|(at, _)| at).filter(is_start).map(move |at| (at, name))
}

/// How long the text in quotes is that a value begins with, with its quotes.
fn quoted(value: &str) -> usize {
    let mut escaped = false;
    let ends = |(_, char): &(usize, char)| {
        let ends = *char == '"' && !escaped;
        escaped = *char == '\\' && !escaped;
        ends
    };
    let end = value.strip_prefix('"').and_then(|text| text.char_indices().find(ends));
    end.map_or(0, |(at, _)| at + 2)
}
