//! Which traces and spans the program does not want, whatever else decides: the rules of `ignore_transactions` and `ignore_spans`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use watchpost_protocol::{Map, SpanId, SpanRecord, Value};

use crate::fields::FieldValue;
use crate::pattern::Pattern;

/// Names spans for [`Options::ignore_spans`](crate::Options::ignore_spans): by their name, by attributes, or by both. All that it says must be so; one that says nothing names
/// no span.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::{Options, SpanRule};
///
/// let options = Options::new().ignore_spans([
///     SpanRule::from("poll*"),
///     SpanRule::new().name("SELECT 1").attribute("db.system.name", "postgresql"),
/// ]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SpanRule {
    name: Option<Pattern>,
    attributes: Vec<(String, Wanted)>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Value(Value),
    Like(Pattern),
}

impl SpanRule {
    /// A rule that says nothing yet.
    pub fn new() -> Self {
        SpanRule::default()
    }

    /// The name that a span must have as a whole: the description of a child, the name of a transaction.
    pub fn name(mut self, name: impl Into<Pattern>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// An attribute that a span must have, with this value.
    pub fn attribute<'a>(mut self, key: impl Into<String>, value: impl Into<FieldValue<'a>>) -> Self {
        self.attributes.push((key.into(), Wanted::Value(value.into().to_json())));
        self
    }

    /// An attribute that a span must have, with a text that the pattern matches as a whole.
    pub fn attribute_like(mut self, key: impl Into<String>, pattern: impl Into<Pattern>) -> Self {
        self.attributes.push((key.into(), Wanted::Like(pattern.into())));
        self
    }

    /// As it is written in a list of rules: a name alone is a text.
    pub(crate) fn shown(&self) -> &dyn Debug {
        match (&self.name, self.attributes.as_slice()) {
            (Some(name), []) => name,
            _ => self,
        }
    }

    fn is(&self, name: &str, attributes: &Map<String, Value>) -> bool {
        let says_something = self.name.is_some() || !self.attributes.is_empty();
        says_something
            && self.name.as_ref().is_none_or(|wanted| wanted.is(name))
            && self.attributes.iter().all(|(key, wanted)| {
                attributes.get(key).is_some_and(|value| match wanted {
                    Wanted::Value(wanted) => value == wanted,
                    Wanted::Like(pattern) => value.as_str().is_some_and(|text| pattern.is(text)),
                })
            })
    }
}

impl<P: Into<Pattern>> From<P> for SpanRule {
    fn from(name: P) -> Self {
        SpanRule::new().name(name)
    }
}

/// Whether a transaction of this name is not wanted.
pub(crate) fn ignores_transaction(patterns: &[Pattern], name: &str) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let path = path_of(name);
    patterns.iter().any(|pattern| pattern.is(name) || path.is_some_and(|path| pattern.is(path)))
}

/// The `/health` of `GET /health`: who wants no health checks does not think of the method.
fn path_of(name: &str) -> Option<&str> {
    let (method, path) = name.split_once(' ')?;
    let is_request = path.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_uppercase());
    is_request.then_some(path)
}

/// Whether a span of this name and with these attributes is not wanted.
pub(crate) fn ignores_span(rules: &[SpanRule], name: &str, attributes: &Map<String, Value>) -> bool {
    rules.iter().any(|rule| rule.is(name, attributes))
}

/// Takes out the children that are not wanted, and says how many they were. Their own children move up to the nearest that stays.
pub(crate) fn without_ignored(rules: &[SpanRule], children: &mut Vec<SpanRecord>) -> u64 {
    if rules.is_empty() {
        return 0;
    }
    let before = children.len();
    let mut moved: BTreeMap<SpanId, Option<SpanId>> = BTreeMap::new();
    children.retain_mut(|span| {
        // A parent stands before its children: where it moved them to is known.
        if let Some(up) = span.parent_span_id.and_then(|parent| moved.get(&parent)) {
            span.parent_span_id = *up;
        }
        let name = span.description.as_deref().unwrap_or_default();
        let ignored = ignores_span(rules, name, &span.data);
        if ignored {
            moved.insert(span.span_id, span.parent_span_id);
        }
        !ignored
    });
    (before - children.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(key: &str, value: impl Into<Value>) -> Map<String, Value> {
        Map::from_iter([(key.to_owned(), value.into())])
    }

    #[test]
    fn a_rule_names_what_all_of_it_says() {
        let none = Map::new();
        assert!(!SpanRule::new().is("/x", &none), "one that says nothing");
        assert!(SpanRule::from("/x*").is("/xyz", &none) && !SpanRule::from("/x").is("/xyz", &none));
        let rule = SpanRule::from("/x").attribute("a", 1);
        assert!(rule.is("/x", &attributes("a", 1)));
        for (name, attributes) in [
            ("/x", none),
            ("/x", attributes("a", 2)),
            ("/x", attributes("a", "1")),
            ("/y", attributes("a", 1)),
        ] {
            assert!(!rule.is(name, &attributes), "{name} {attributes:?}");
        }
    }

    #[test]
    fn an_attribute_may_be_like_something() {
        let rule = SpanRule::new().attribute_like("db.system.name", "postgres*");
        assert!(rule.is("any", &attributes("db.system.name", "postgresql")));
        assert!(!rule.is("any", &attributes("db.system.name", "mysql")));
        assert!(!rule.is("any", &attributes("db.system.name", 1)));
        let exact = SpanRule::new().attribute("a", "b*");
        assert!(exact.is("any", &attributes("a", "b*")) && !exact.is("any", &attributes("a", "bc")));
    }

    #[test]
    fn the_path_of_a_request_names_it_too() {
        let patterns = ["/health", "GET /metrics", "tick *"].map(Pattern::from);
        for name in ["/health", "GET /health", "POST /health", "GET /metrics", "tick 7"] {
            assert!(ignores_transaction(&patterns, name), "{name}");
        }
        for name in ["GET /health/live", "check /health", "POST /metrics", "tick", ""] {
            assert!(!ignores_transaction(&patterns, name), "{name}");
        }
    }

    #[test]
    fn the_children_of_an_ignored_span_move_up() {
        let span = |id: u8, parent: u8, name: &str| SpanRecord {
            span_id: SpanId::from_bytes([id; 8]),
            parent_span_id: Some(SpanId::from_bytes([parent; 8])),
            description: Some(name.to_owned()),
            ..SpanRecord::default()
        };
        let mut spans = vec![
            span(2, 1, "kept"),
            span(3, 2, "noise"),
            span(4, 3, "noise"),
            span(5, 4, "kept"),
            span(6, 5, "kept"),
        ];
        assert_eq!(without_ignored(&["noise".into()], &mut spans), 2);
        let picture: Vec<_> = spans
            .iter()
            .map(|span| (span.span_id.as_bytes()[0], span.parent_span_id.map(|id| id.as_bytes()[0])))
            .collect();
        assert_eq!(picture, [(2, Some(1)), (5, Some(2)), (6, Some(5))]);
    }
}
