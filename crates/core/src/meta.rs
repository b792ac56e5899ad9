//! What `_meta` says of the places in an item (`protocol.md` §16.6).

use watchpost_protocol::{Map, Value};

/// What is said of a place, to be added to. `None`: somebody else has put something there that can hold nothing.
pub(crate) fn annotation<'m>(
    meta: &'m mut Option<Value>,
    path: &mut dyn Iterator<Item = String>,
) -> Option<&'m mut Map<String, Value>> {
    let mut at = meta.get_or_insert_with(|| Value::Object(Map::new()));
    // It stands under an empty key, beside what is said of the places below.
    for key in path.chain([String::new()]) {
        at = at.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
    at.as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_made_where_nothing_else_is() {
        let mut meta = None;
        let mut say = |path: &[&str], length: u64| {
            let said = annotation(&mut meta, &mut path.iter().map(|key| (*key).to_owned())).unwrap();
            said.insert("len".into(), length.into());
        };
        say(&["a", "0"], 3);
        say(&["a"], 1);
        assert_eq!(meta, Some(json!({ "a": { "": { "len": 1 }, "0": { "": { "len": 3 } } } })));
        let mut taken = Some(json!({ "a": 1 }));
        assert_eq!(annotation(&mut taken, &mut ["a".to_owned()].into_iter()), None);
        assert_eq!(taken, Some(json!({ "a": 1 })));
    }
}
