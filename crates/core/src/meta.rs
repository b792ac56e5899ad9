//! What `_meta` says of the places in an item (`protocol.md` §16.6).

use watchpost_protocol::{Map, Value};

/// The object that says something of a place, to be added to. `None`: somebody else has put something else there.
pub(crate) fn annotation<'m>(
    meta: &'m mut Option<Value>,
    path: &mut dyn Iterator<Item = &str>,
) -> Option<&'m mut Value> {
    let mut at = meta.get_or_insert(Value::Null);
    // It stands under an empty key, beside what is said of the places below.
    for key in path.chain([""]) {
        at = &mut object(at)?[key];
    }
    object(at)
}

fn object(value: &mut Value) -> Option<&mut Value> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_made_where_nothing_else_is() {
        let mut meta = None;
        annotation(&mut meta, &mut ["a", "0"].into_iter()).unwrap()["len"] = 3.into();
        annotation(&mut meta, &mut ["a"].into_iter()).unwrap()["len"] = 1.into();
        assert_eq!(meta, Some(json!({ "a": { "": { "len": 1 }, "0": { "": { "len": 3 } } } })));
        let mut taken = Some(json!({ "a": 1 }));
        assert_eq!(annotation(&mut taken, &mut ["a", "0"].into_iter()), None);
        assert_eq!(taken, Some(json!({ "a": 1 })));
    }
}
