//! Whatever is planted, however its key is spelled and however deep it stands: it does not survive. What is innocent does.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use watchpost_protocol::{AttributeValue, DynamicSamplingContext, Event, Meta, Transaction};

use super::walk::Scrub;
use super::{DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST, EventScrubber, FILTERED};

const SECRET: &str = "hunter2";

/// Where an event may hold data under names of the program's own.
const EVENT_BAGS: [&str; 20] = [
    "/extra",
    "/contexts/loan",
    "/contexts/trace/data",
    "/contexts/trace/links/0/attributes",
    "/contexts/os",
    "/contexts/rust",
    "/contexts/response/data",
    "/user",
    "/request/data",
    "/request",
    "/breadcrumbs/values/0/data",
    "/breadcrumbs/values/1",
    "/exception/values/0/stacktrace/frames/0/vars",
    "/exception/values/0/stacktrace/frames/1",
    "/exception/values/0/mechanism/data",
    "/exception/values/0/mechanism/meta",
    "/threads/values/0/stacktrace/frames/0/vars",
    "/threads/values/0",
    "/logentry/params/0",
    "",
];

const TRANSACTION_BAGS: [&str; 8] = [
    "/extra",
    "/contexts/trace/data",
    "/contexts/loan",
    "/request/data",
    "/spans/0/data",
    "/spans/1/data",
    "/spans/1/links/0/attributes",
    "/spans/0",
];

fn event() -> Value {
    let frames = json!({"frames": [{"vars": {}}, {"function": "f"}]});
    let ids = json!({"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"});
    json!({
        "event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f",
        "extra": {}, "user": {"id": "42"}, "request": {"data": {}, "method": "GET"},
        "contexts": {
            "loan": {}, "os": {"name": "Linux"}, "rust": {"name": "rustc"}, "response": {"data": {}},
            "trace": {"trace_id": ids["trace_id"], "span_id": ids["span_id"], "data": {},
                "links": [{"trace_id": ids["trace_id"], "span_id": ids["span_id"], "attributes": {}}]},
        },
        "breadcrumbs": {"values": [{"data": {}}, {"message": "m"}]},
        "exception": {"values": [{"type": "E", "stacktrace": frames, "mechanism": {"type": "generic", "data": {}, "meta": {}}}]},
        "threads": {"values": [{"stacktrace": frames}]},
        "logentry": {"formatted": "m", "params": [{}]},
    })
}

fn transaction() -> Value {
    let span = json!({
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "a1a2a3a4a5a6a7a8", "start_timestamp": 1.5, "timestamp": 2.5, "data": {},
        "links": [{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "attributes": {}}],
    });
    json!({
        "event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f", "type": "transaction", "transaction": "GET /", "extra": {}, "request": {"data": {}},
        "contexts": {"loan": {}, "trace": {"trace_id": span["trace_id"], "span_id": span["span_id"], "data": {}}},
        "spans": [span, span],
    })
}

fn name(rng: &mut Rng) -> &'static str {
    let names: Vec<_> = DEFAULT_DENYLIST.iter().chain(DEFAULT_PII_DENYLIST).collect();
    names[rng.usize(..names.len())]
}

/// A name as somebody else might write it.
fn spelled(name: &str, rng: &mut Rng) -> String {
    let letter = |char: char| match char {
        '-' | '_' if rng.bool() => '-',
        '-' | '_' => '_',
        letter if rng.bool() => letter.to_ascii_uppercase(),
        letter => letter.to_ascii_lowercase(),
    };
    let spelled: String = name.chars().map(letter).collect();
    if rng.u8(..4) == 0 { format!("shop.{spelled}") } else { spelled }
}

/// A value that holds the secret, as deep as the dice say.
fn secret(rng: &mut Rng) -> Value {
    match rng.u8(..5) {
        0 => json!([1, { "a": SECRET }]),
        1 => json!({ "deep": [secret(rng)] }),
        _ => json!(SECRET),
    }
}

/// Wraps a map in maps and lists, and says where in the whole it is.
fn buried(value: Value, rng: &mut Rng) -> (Value, String) {
    let (mut value, mut path) = (value, String::new());
    for _ in 0..rng.usize(..20) {
        (value, path) = match rng.bool() {
            true => (json!({ "level": value }), format!("/level{path}")),
            false => (json!([0, value]), format!("/1{path}")),
        };
    }
    (value, path)
}

fn at<'v>(item: &'v mut Value, path: &str) -> &'v mut Value {
    item.pointer_mut(path).unwrap_or_else(|| panic!("{path} is no place"))
}

/// Plants secrets in the bags, scrubs, and says what is left with its `_meta`, and where the secrets were.
fn scrubbed<T>(whole: &Value, bags: &[&str], rng: &mut Rng) -> (Value, Vec<String>)
where
    T: Scrub + Serialize + DeserializeOwned,
{
    let (mut item, mut planted) = (whole.clone(), Vec::new());
    for bag in bags {
        let key = spelled(name(rng), rng);
        let (value, inner) = buried(json!({ &key: secret(rng), "innocent": "kept" }), rng);
        at(&mut item, bag)["field"] = value;
        planted.push(format!("{bag}/field{inner}/{key}"));
    }
    let mut typed: T = serde_json::from_value(item).unwrap();
    let mut meta = Meta::default();
    EventScrubber::default().rules(false).scrub(&mut typed, &mut meta);
    let mut left = serde_json::to_value(&typed).unwrap();
    left["_meta"] = json!(meta);
    (left, planted)
}

fn check(left: &Value, planted: &[String], seed: u64) {
    let text = left.to_string();
    assert!(!text.contains(SECRET), "seed {seed}: {text}");
    for path in planted {
        assert_eq!(left.pointer(path), Some(&json!(FILTERED)), "seed {seed}: {path}");
        let note = left.pointer(&format!("/_meta{path}/"));
        assert_eq!(note, Some(&json!({ "rem": [["!config", "s"]] })), "seed {seed}: {path}");
    }
    assert_eq!(text.matches("kept").count(), planted.len(), "seed {seed}: what is innocent stays");
}

#[test]
fn no_secret_survives_in_an_event() {
    for seed in 0..200 {
        let (left, planted) = scrubbed::<Event>(&event(), &EVENT_BAGS, &mut Rng::with_seed(seed));
        check(&left, &planted, seed);
    }
}

#[test]
fn no_secret_survives_in_a_transaction_and_its_spans() {
    for seed in 0..200 {
        let bags = &TRANSACTION_BAGS;
        let (left, planted) = scrubbed::<Transaction>(&transaction(), bags, &mut Rng::with_seed(seed));
        check(&left, &planted, seed);
    }
}

#[test]
fn no_secret_survives_in_flat_maps_and_typed_attributes() {
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let key = spelled(name(&mut rng), &mut rng);
        let mut tags = BTreeMap::from([(key.clone(), SECRET.to_owned()), ("plan".into(), "pro".into())]);
        let values = [SECRET.into(), AttributeValue::from(vec![SECRET])];
        let mut attributes = BTreeMap::from([(key.clone(), rng.choice(values).unwrap())]);
        let rules = EventScrubber::default().rules(false);
        rules.scrub(&mut tags, &mut Meta::default());
        rules.scrub(&mut attributes, &mut Meta::default());
        assert_eq!((&*tags[&key], &*tags["plan"]), (FILTERED, "pro"), "seed {seed}");
        assert_eq!(attributes[&key], FILTERED.into(), "seed {seed}");
    }
}

fn after<T: Scrub + Serialize + DeserializeOwned>(scrubber: &EventScrubber, item: Value) -> (Value, Value) {
    let mut typed: T = serde_json::from_value(item).unwrap();
    let mut meta = Meta::default();
    scrubber.rules(false).scrub(&mut typed, &mut meta);
    (serde_json::to_value(&typed).unwrap(), json!(meta))
}

#[test]
fn texts_are_searched_wherever_they_stand() {
    let url = "https://ann:pw@h/?key=1&page=2";
    let clean = "https://[Filtered]:[Filtered]@h/?key=[Filtered]&page=2";
    let (left, meta) = after::<Event>(
        &EventScrubber::default(),
        json!({
            "event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f",
            "transaction": url, "logentry": {"formatted": url, "message": url, "params": [url]}, "tags": {"a": url},
            "extra": {"a": [url]}, "request": {"url": url, "headers": {"Referer": url}, "query_string": "key=1"},
            "breadcrumbs": {"values": [{"message": url, "data": {"url": url}}]}, "contexts": {"a": {"b": url}},
            "exception": {"values": [{"value": url}]},
        }),
    );
    assert_eq!(left["request"]["query_string"], "key=[Filtered]");
    assert!(!left.to_string().contains("ann"), "{left}");
    assert_eq!(left.to_string().matches(clean).count(), 12, "{left}");
    assert_eq!(meta["breadcrumbs"]["values"]["0"]["data"]["url"][""]["rem"], json!([["!config", "s"]]));

    let mut context = DynamicSamplingContext::default();
    context.set("transaction", url);
    let mut context = Arc::new(context);
    EventScrubber::default().rules(false).scrub_context(&mut context);
    assert_eq!(context.get("transaction"), Some(clean));
}

#[test]
fn a_query_has_three_forms() {
    for (query, expected) in [
        (json!("page=2&user_token=x"), json!("page=2&user_token=[Filtered]")),
        (json!({"page": 2, "user_token": "x"}), json!({"page": 2, "user_token": FILTERED})),
        (json!([["page", "2"], ["user_token", "x"], 3]), json!([["page", "2"], ["user_token", FILTERED], 3])),
    ] {
        let item =
            json!({"event_id": "9b1c3e5a7d9f4b2d8c6e0a1b2c3d4e5f", "request": {"query_string": query}});
        let (left, _) = after::<Event>(&EventScrubber::default(), item);
        assert_eq!(left["request"]["query_string"], expected);
    }
    let data = json!({"extra": {"http.query": "sid=1", "url.fragment": "a=1&jwt=2", "query": "sid=1"}});
    let (left, _) = after::<Event>(&EventScrubber::default(), data);
    assert_eq!(
        left["extra"],
        json!({"http.query": "sid=[Filtered]", "url.fragment": "a=1&jwt=[Filtered]", "query": "sid=1"})
    );
}

#[test]
fn headers_are_filtered_wherever_they_are_kept() {
    let headers = json!({"X-Session-Id": "x", "Cookie": "x", "Forwarded": "x", "Accept": "a"});
    let clean = json!({"X-Session-Id": FILTERED, "Cookie": FILTERED, "Forwarded": FILTERED, "Accept": "a"});
    let (left, _) = after::<Event>(
        &EventScrubber::default(),
        json!({
            "request": {"headers": headers, "cookies": "a=1; __Host-x=2", "env": {"REMOTE_ADDR": "x", "HTTP_COOKIE": "x", "SERVER_PORT": "80"}},
            "contexts": {"response": {"headers": headers, "cookies": "sid=1"}},
            "extra": {"http.request.header.x-auth-token": ["x"], "http.response.header.set-cookie": "x", "http.request.header.accept": ["a"]},
        }),
    );
    assert_eq!((&left["request"]["headers"], &left["contexts"]["response"]["headers"]), (&clean, &clean));
    assert_eq!(left["request"]["cookies"], "a=1; __Host-x=[Filtered]");
    assert_eq!(left["contexts"]["response"]["cookies"], "sid=[Filtered]");
    assert_eq!(
        left["request"]["env"],
        json!({"REMOTE_ADDR": FILTERED, "HTTP_COOKIE": FILTERED, "SERVER_PORT": "80"})
    );
    assert_eq!(left["extra"]["http.request.header.x-auth-token"], FILTERED);
    assert_eq!(left["extra"]["http.response.header.set-cookie"], FILTERED);
    assert_eq!(left["extra"]["http.request.header.accept"], json!(["a"]));
}

#[test]
fn a_flag_is_named_beside_its_value() {
    let flag = |flag: &str, result: Value| json!({"flag": flag, "result": result});
    let flags = [flag("Api-Key", json!(SECRET)), flag("session", json!(true)), flag("theme", json!("dark"))];
    let (left, meta) =
        after::<Event>(&EventScrubber::default(), json!({"contexts": {"flags": {"values": flags}}}));
    let left = &left["contexts"]["flags"]["values"];
    assert_eq!(
        left,
        &json!([
            flag("Api-Key", json!(FILTERED)),
            flag("session", json!(true)),
            flag("theme", json!("dark"))
        ])
    );
    assert_eq!(meta["contexts"]["flags"]["values"]["0"]["result"][""]["rem"], json!([["!config", "s"]]));
}

/// With consent it is sent, and has names of its own in it.
#[test]
fn what_is_said_to_a_model_is_searched_as_it_was_before_it_was_printed() {
    let rules = EventScrubber::default().rules(true);
    for (said, expected) in [
        (r#"[{"a":{"password":"x"}},{"n":1}]"#, r#"[{"a":{"password":"[Filtered]"}},{"n":1}]"#),
        (r#"{"n":1,  "a":"b"}"#, r#"{"n":1,  "a":"b"}"#),
        ("the password: x", "the password: x"),
        ("see https://h/?token=x", "see https://h/?token=[Filtered]"),
    ] {
        let mut attributes = BTreeMap::from([("gen_ai.input.messages".to_owned(), said.to_owned())]);
        let mut meta = Meta::default();
        rules.scrub(&mut attributes, &mut meta);
        assert_eq!(attributes["gen_ai.input.messages"], expected);
        assert_eq!(!meta.is_empty(), said != expected, "{said}");
    }
}

#[test]
fn a_context_stays_an_object_and_an_address_an_address() {
    let item = json!({"contexts": {"session": {"id": "x", "n": 1}, "Auth": [1]}, "user": {"id": "42", "ip_address": "192.0.2.7"}});
    let (left, meta) = after::<Event>(&EventScrubber::default(), item);
    assert_eq!(left["contexts"], json!({"session": {"id": FILTERED, "n": FILTERED}, "Auth": FILTERED}));
    assert_eq!(left["user"], json!({"id": "42"}));
    assert_eq!(meta["user"]["ip_address"], json!({"": {"rem": [["!config", "x"]]}}));
}

#[test]
fn what_is_too_deep_to_be_seen_is_not_sent() {
    let deep = (0..500).fold(json!({ "a": SECRET }), |inner, _| json!([inner]));
    let mut extra = BTreeMap::from([("x".to_owned(), deep)]);
    EventScrubber::default().rules(false).scrub(&mut extra, &mut Meta::default());
    let mut left = &extra["x"];
    let mut depth = 0;
    while let Some(inner) = left.get(0) {
        (left, depth) = (inner, depth + 1);
    }
    assert!((100..130).contains(&depth), "{depth}");
    assert_eq!(left, FILTERED);
}

#[test]
fn maps_within_maps_may_be_left_alone() {
    let item = json!({"extra": {"password": "x", "deep": {"password": "x"}}, "request": {"data": {"password": "x"}}, "contexts": {"a": {"password": "x"}}});
    let (left, _) = after::<Event>(&EventScrubber::new().recursive(false), item);
    assert_eq!(left["extra"], json!({"password": FILTERED, "deep": {"password": "x"}}));
    assert_eq!(left["request"]["data"]["password"], FILTERED);
    assert_eq!(left["contexts"]["a"]["password"], FILTERED);
}

/// What was noted before stays.
#[test]
fn notes_are_added_to_those_that_are_there() {
    let rules = EventScrubber::default().rules(false);
    let mut map = BTreeMap::from([("token".to_owned(), SECRET.to_owned())]);
    let noted = json!({"token": {"": {"len": 7, "rem": [["!limit", "x"]]}}, "spans": {"": {"len": 3}}});
    let mut meta = serde_json::from_value(noted).unwrap();
    rules.scrub(&mut map, &mut meta);
    let noted = json!({
        "token": {"": {"len": 7, "rem": [["!limit", "x"], ["!config", "s"]]}}, "spans": {"": {"len": 3}}
    });
    assert_eq!(json!(meta), noted);
}

#[test]
fn where_there_is_no_secret_nothing_is_allocated() {
    let rules = EventScrubber::default().rules(false);
    let crumb = json!({"message": "GET https://api.test/v1 is done?", "data": {"url": "https://api.test/v1?page=2", "n": [1, {"a": "b"}]}});
    let mut item = event();
    item["breadcrumbs"]["values"] = vec![crumb; 100].into();
    item["request"]["headers"] = json!({"Accept": "*/*", "Referer": "https://shop.test/?page=1"});
    let mut typed: Event = serde_json::from_value(item).unwrap();
    let cost = allocation_counter::measure(|| rules.scrub(&mut typed, &mut Meta::default()));
    assert_eq!(cost.count_total, 0);
}
