//! What scopes hold, and what of it is on an event.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchpost::{
    Level, Options, Scope, User, capture_message, capture_message_at, global_scope, isolation_scope,
    last_event_id, set_user, start_transaction, with_scope,
};
use watchpost_testkit::{Captured, capture};

use crate::known::Deviation;
use crate::{Outcome, Vector, differs, equal, list, only, text, unknown};

pub(crate) fn scope_merge(vector: &Vector<'_>) -> Outcome {
    let keys: Vec<&str> = vector.input.as_object().ok_or_else(unknown)?.keys().map(String::as_str).collect();
    match keys[..] {
        ["each layer sets"] => layers(vector),
        ["inside"] => new_scope(vector),
        ["set", "then"] => user(vector),
        ["steps"] => last_id(vector),
        ["levels"] => message_levels(vector),
        ["dsn"] => disabled(vector),
        _ => Err(unknown()),
    }
}

/// Every layer sets the same things, and some of its own.
fn layers(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["tags", "ctx", "ctx_names", "extra", "user", "level", "fingerprint"])?;
    let what: Vec<&str> = text(vector.input, "each layer sets")?.ok_or_else(unknown)?.split(", ").collect();
    let mut set = Ok(());
    let captured = capture(|| {
        with_scope(|current| {
            for (scope, layer) in
                [(global_scope(), "global"), (&isolation_scope(), "isolation"), (current, "current")]
            {
                set = set.clone().and(what.iter().try_for_each(|what| set_in(scope, layer, what)));
            }
            capture_message("m");
        });
        global_scope().clear(); // it is the process's: left as it was
    });
    set?;
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    equal(tags_of(&json!(event.tags))?, tags_of(&vector.expected["tags"])?)?;
    equal(event.contexts.other.get("ctx"), vector.expected.get("ctx"))?;
    let contexts = event.contexts.other.keys().filter(|name| name.starts_with("ctx"));
    equal(&json!(contexts.collect::<Vec<_>>()), &vector.expected["ctx_names"])?;
    equal(&json!(event.extra), &vector.expected["extra"])?;
    equal(&json!(event.user), &vector.expected["user"])?;
    equal(&json!(event.level), &vector.expected["level"])?;
    equal(&json!(event.fingerprint), &vector.expected["fingerprint"])
}

/// Sets one of the things that the vector names, to the values that it expects of this layer.
fn set_in(scope: &Scope, layer: &str, what: &str) -> Result<(), String> {
    match what {
        "tag who" => scope.set_tag("who", layer),
        "tag <layer>" => scope.set_tag(layer, 1),
        "context ctx" => scope.set_context("ctx", json!({ layer: 1 })),
        "context ctx_<layer>" => scope.set_context(format!("ctx_{layer}"), json!({ layer: 1 })),
        #[expect(deprecated, reason = "it is still there, and merged")]
        "extra x" => scope.set_extra("x", layer),
        "user" => {
            let mut user = User::id(layer);
            user.other.insert(layer.to_owned(), "1".into());
            scope.set_user(user);
        }
        "level" => scope.set_level(Some(match layer {
            "global" => Level::Debug,
            "isolation" => Level::Warning,
            _ => Level::Fatal,
        })),
        "fingerprint" => scope.set_fingerprint([layer.to_owned()]),
        _ => return Err(format!("no check knows how to set {what:?}")),
    }
    Ok(())
}

/// What is set in a block stays in it, and what the block sets for the whole request does not.
fn new_scope(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["inside", "after"])?;
    let what: Vec<&str> = text(vector.input, "inside")?.ok_or_else(unknown)?.split(" + ").collect();
    let mut set = Ok(());
    let captured = capture(|| {
        with_scope(|scope| {
            set = what.iter().try_for_each(|what| {
                match *what {
                    "current tag" => scope.set_tag("inner", 1),
                    "isolation tag" => isolation_scope().set_tag("iso", 1),
                    other => return Err(format!("no check knows how to set {other:?}")),
                }
                Ok(())
            });
            capture_message("inside");
        });
        capture_message("after");
    });
    set?;
    let [inside, after] = tags(&captured).try_into().map_err(|_| "not two events were sent")?;
    equal(inside, tags_of(&vector.expected["inside"])?)?;
    equal(after, tags_of(&vector.expected["after"])?)
}

fn user(vector: &Vector<'_>) -> Outcome {
    let read = |user: &Value| serde_json::from_value::<Option<User>>(user.clone());
    let (set, then) = (read(&vector.input["set"]), read(&vector.input["then"]));
    let users = [set.map_err(|error| error.to_string())?, then.map_err(|error| error.to_string())?];
    let captured = capture(|| {
        for user in users {
            set_user(user);
            capture_message("m");
        }
    });
    let users: Vec<_> = captured.events().into_iter().map(|event| event.user).collect();
    equal(&json!(users), vector.expected)
}

fn last_id(vector: &Vector<'_>) -> Outcome {
    let mut ids = Ok(Vec::new());
    capture(|| {
        let mut returned = None;
        let mut step = |step: &Value| {
            match step.as_str() {
                Some("before") => {}
                Some("after message") => {
                    returned = capture_message("m");
                    start_transaction("it does not count").start().finish();
                }
                Some("after isolation.clear()") => isolation_scope().clear(),
                _ => return Err(format!("no check knows the step {step}")),
            }
            let last = last_event_id();
            let same = last.is_some() && last == returned;
            Ok(if same { json!("same as returned") } else { json!(last.map(|id| id.to_string())) })
        };
        ids = list(&vector.input["steps"]).and_then(|steps| steps.iter().map(&mut step).collect());
    });
    equal(&Value::Array(ids?), vector.expected)
}

fn message_levels(vector: &Vector<'_>) -> Outcome {
    let level = |level: &Value| match level {
        Value::Null => Ok(None),
        level => serde_json::from_value::<Level>(level.clone()).map(Some).map_err(|error| error.to_string()),
    };
    let levels = list(&vector.input["levels"])?.iter().map(level).collect::<Result<Vec<_>, _>>()?;
    let captured = capture(|| {
        for level in levels {
            match level {
                None => capture_message("m"),
                Some(level) => capture_message_at(level, "m"),
            };
        }
    });
    let levels: Vec<_> = captured.events().into_iter().map(|event| event.level).collect();
    equal(&json!(levels), vector.expected)
}

/// A client without a server to report to.
fn disabled(vector: &Vector<'_>) -> Outcome {
    only(vector.expected, &["returned", "is_initialized"])?;
    let dsn = text(vector.input, "dsn")?.ok_or_else(unknown)?;
    let options = Options::new().use_environment(false).dsn(dsn).map_err(|error| error.to_string())?;
    let client = watchpost::new_client(options).map_err(|error| error.to_string())?;
    let returned = client.capture_message("m", Level::Info, None);
    equal(&json!(returned.map(|id| id.to_string())), &vector.expected["returned"])?;
    let ours = json!(client.is_active());
    differs(Deviation::DisabledIsNotInitialized, &ours, &vector.expected["is_initialized"], &json!(false))
}

/// The tags of each event.
fn tags(captured: &Captured) -> Vec<BTreeMap<String, String>> {
    captured.events().into_iter().map(|event| event.tags).collect()
}

/// Tags as they are on the wire, where a value is text.
fn tags_of(tags: &Value) -> Result<BTreeMap<String, String>, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let tags = tags.as_object().ok_or_else(unknown)?.iter();
    Ok(tags.map(|(key, value)| (key.clone(), text(value))).collect())
}
