//! Cutting nested data by depth and breadth, and saying in `_meta` what was cut (`protocol.md` §16.6, §16.7).

use std::borrow::Cow;

use watchpost_protocol::{Event, Meta, Remark, Value, value};

use crate::body_size::MaxRequestBodySize;
use crate::options::Options;

/// Cuts what the program has put into an event by name: its extra, the data of its breadcrumbs, the variables of its frames, and the body of its
/// request unless the program always wants it.
pub(super) fn trim(event: &mut Event, options: &Options) {
    let mut cut = Cut { depth: options.max_depth, breadth: options.max_breadth, meta: &mut event.meta };
    for (key, value) in &mut event.extra {
        cut.named(&["extra"], key, value);
    }
    for (index, crumb) in event.breadcrumbs.iter_mut().enumerate() {
        for (key, value) in &mut crumb.data {
            if is_nested(value) {
                cut.named(&["breadcrumbs", "values", &index.to_string(), "data"], key, value);
            }
        }
    }
    for (index, exception) in event.exception.iter_mut().enumerate() {
        let frames = exception.stacktrace.iter_mut().flat_map(|stack| &mut stack.frames).enumerate();
        for (frame, vars) in frames.map(|(at, frame)| (at, &mut frame.vars)) {
            for (key, value) in vars {
                let (index, frame) = (index.to_string(), frame.to_string());
                let at = ["exception", "values", &index, "stacktrace", "frames", &frame, "vars"];
                cut.named(&at, key, value);
            }
        }
    }
    let body = event.request.as_mut().and_then(|request| request.data.as_mut());
    if let Some(body) = body.filter(|_| options.max_request_body_size != MaxRequestBodySize::Always) {
        cut.value(&mut vec!["request".into(), "data".into()], body, 0);
    }
}

fn is_nested(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

struct Cut<'m> {
    depth: usize,
    breadth: usize,
    meta: &'m mut Meta,
}

impl Cut<'_> {
    /// A value of a map that the program has filled by name.
    fn named(&mut self, at: &[&str], key: &str, value: &mut Value) {
        if is_nested(value) {
            let mut path = at.iter().map(|part| Cow::Owned((*part).to_owned())).collect::<Vec<_>>();
            path.push(key.to_owned().into());
            self.value(&mut path, value, 1);
        }
    }

    /// `depth` is how many maps and lists are around the value.
    fn value(&mut self, path: &mut Vec<Cow<'static, str>>, value: &mut Value, depth: usize) {
        if is_nested(value) && depth >= self.depth {
            *value = Value::String(value::to_json_text(value));
            self.meta.at(&*path).said.rem.push(Remark::CUT);
            return;
        }
        let length = match value {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => return,
        };
        if length > self.breadth {
            self.meta.at(&*path).said.len = Some(length as u64);
        }
        match value {
            Value::Object(map) => {
                if length > self.breadth {
                    let all = std::mem::take(map).into_iter();
                    map.extend(all.take(self.breadth));
                }
                for (key, value) in map.iter_mut().filter(|(_, value)| is_nested(value)) {
                    path.push(key.clone().into());
                    self.value(path, value, depth + 1);
                    path.pop();
                }
            }
            Value::Array(list) => {
                list.truncate(self.breadth);
                for (index, value) in list.iter_mut().enumerate().filter(|(_, value)| is_nested(value)) {
                    path.push(index.to_string().into());
                    self.value(path, value, depth + 1);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchpost_protocol::{Breadcrumb, Map, Request};

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!({ "n": inner }))
    }

    #[test]
    fn what_is_too_deep_becomes_text() {
        let mut event = Event::default();
        event.extra.insert("fits".into(), nested(4));
        event.extra.insert("deep".into(), nested(6));
        trim(&mut event, &Options::new());
        assert_eq!(event.extra["fits"], nested(4));
        assert_eq!(event.extra["deep"]["n"]["n"]["n"]["n"], json!(r#"{"n":{"n":1}}"#));
        let cut = json!({ "rem": [["!limit", "x"]] });
        assert_eq!(
            json!(event.meta),
            json!({ "extra": { "deep": { "n": { "n": { "n": { "n": { "": cut } } } } } } })
        );
    }

    #[test]
    fn what_is_too_broad_loses_its_end_but_named_things_do_not() {
        let mut event = Event::default();
        for key in 0..30 {
            event.extra.insert(format!("{key:02}"), json!(key));
        }
        event.extra.insert("list".into(), (0..20).collect());
        event.breadcrumbs.push(Breadcrumb {
            data: Map::from_iter([("map".to_owned(), (0..12).map(|n| (n.to_string(), json!(n))).collect())]),
            ..Breadcrumb::default()
        });
        trim(&mut event, &Options::new());
        assert_eq!(event.extra.len(), 31);
        assert_eq!(event.extra["list"], (0..10).collect::<Value>());
        assert_eq!(event.breadcrumbs[0].data["map"].as_object().map(Map::len), Some(10));
        let crumb = json!({ "values": { "0": { "data": { "map": { "": { "len": 12 } } } } } });
        assert_eq!(
            json!(event.meta),
            json!({ "extra": { "list": { "": { "len": 20 } } }, "breadcrumbs": crumb })
        );
    }

    #[test]
    fn a_body_is_cut_unless_it_is_always_wanted() {
        let kept = |size| {
            let data: Value = (0..20).map(|key| (key.to_string(), json!(key))).collect();
            let request = Request { data: Some(data), ..Request::default() };
            let mut event = Event { request: Some(request), ..Event::default() };
            trim(&mut event, &Options::new().max_request_body_size(size));
            event.request.unwrap().data.unwrap().as_object().unwrap().len()
        };
        assert_eq!([MaxRequestBodySize::Medium, MaxRequestBodySize::Always].map(kept), [10, 20]);
    }
}
