//! What options take from the environment.

use serde_json::{Value, json};
use watchpost::{InitError, Options};
use watchpost_core::parse_bool;

use crate::known::Deviation;
use crate::{Outcome, Vector, differs, equal, list, only, switch, text, unknown};

pub(crate) fn environment(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("SENTRY_SPOTLIGHT") {
        spotlight(vector)
    } else if has("value") {
        boolean(vector)
    } else if has("env") {
        one_option(vector)
    } else if has("all_set") {
        release_order(vector)
    } else if has("SENTRY_TRACE") || has("SENTRY_BAGGAGE") {
        trace(vector)
    } else {
        Err(unknown())
    }
}

fn boolean(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["value"])?;
    only(vector.expected, &["strict", "loose"])?;
    let value = text(vector.input, "value")?;
    equal(&json!(parse_bool(value)), &vector.expected["strict"])?;
    // The loose form is that of `spotlight`, in which any other text is an address.
    equal(&json!(spotlight_of(None, value)?.is_some()), &vector.expected["loose"])
}

/// Where copies go, by the option and by the variable.
fn spotlight(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["option", "SENTRY_SPOTLIGHT"])?;
    let ours = spotlight_of(vector.input.get("option"), text(vector.input, "SENTRY_SPOTLIGHT")?)?;
    match vector.expected {
        Value::Null | Value::Bool(false) => equal(ours, None),
        expected => equal(ours.as_deref(), Some(expected.as_str().ok_or_else(unknown)?)),
    }
}

fn spotlight_of(option: Option<&Value>, variable: Option<&str>) -> Result<Option<String>, String> {
    let options = match option {
        None | Some(Value::Null) => Options::new(),
        Some(Value::Bool(on)) => Options::new().spotlight(*on),
        Some(Value::String(url)) => Options::new().spotlight(url.as_str()),
        Some(_) => return Err(unknown()),
    };
    let set = |name: &str| variable.filter(|_| name == "SENTRY_SPOTLIGHT").map(str::to_owned);
    let options = options.fill_from(&set).map_err(|error| error.to_string())?;
    Ok(options.configured_spotlight().map(str::to_owned))
}

/// One option, from code and from the environment.
fn one_option(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["env", "option"])?;
    let expected = vector.expected.as_object().ok_or_else(unknown)?;
    let (name, expected) = expected.iter().next().filter(|_| expected.len() == 1).ok_or_else(unknown)?;
    let set = set_in_code(name, vector.input)?;
    let options = match set.and_then(|options| fill(options, &vector.input["env"])) {
        Ok(options) => options,
        Err(error) => return refused(&error, expected),
    };
    let ours = match name.as_str() {
        "dsn" => json!(options.configured_dsn().map(ToString::to_string)),
        "environment" => json!(options.configured_environment()),
        "debug" => json!(options.configured_debug()),
        "release" => json!(options.configured_release()),
        _ => return Err(unknown()),
    };
    let nothing = expected == "";
    equal(&ours, if nothing { &Value::Null } else { expected })
}

fn set_in_code(name: &str, input: &Value) -> Result<Result<Options, InitError>, String> {
    let options = Options::new();
    if name == "debug" {
        return Ok(Ok(switch(input, "option")?.map_or(Options::new(), |debug| options.debug(debug))));
    }
    Ok(match (name, text(input, "option")?) {
        (_, None) => Ok(options),
        ("dsn", Some(dsn)) => options.dsn(dsn),
        ("environment", Some(environment)) => options.environment(environment),
        ("release", Some(release)) => options.release(release),
        _ => return Err(unknown()),
    })
}

/// Fills options from variables of which each that is there is a text.
fn fill(options: Options, variables: &Value) -> Result<Options, InitError> {
    options.fill_from(&|name| variables.get(name)?.as_str().map(str::to_owned))
}

/// A value that means nothing is an error of `init`, where the vectors go on with a default.
fn refused(error: &InitError, expected: &Value) -> Outcome {
    let InitError::Variable { name: "SENTRY_DEBUG", .. } = error else { return Err(error.to_string()) };
    differs(Deviation::BadSwitchIsNamed, None, Some(expected), None)
}

/// The trace of the program that started this one.
fn trace(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["SENTRY_TRACE", "SENTRY_BAGGAGE", "SENTRY_USE_ENVIRONMENT"])?;
    let options = fill(Options::new(), vector.input).map_err(|error| error.to_string())?;
    let mut ours = json!({});
    if let Some((trace, baggage)) = options.configured_trace() {
        ours["sentry-trace"] = trace.into();
        if let Some(baggage) = baggage {
            ours["baggage"] = baggage.into();
        }
    }
    let theirs = match vector.expected {
        Value::Null => json!({}),
        headers => headers.clone(),
    };
    if text(&theirs, "baggage")?.is_some() && text(&theirs, "sentry-trace")?.is_none() {
        return differs(Deviation::BaggageNeedsItsTrace, ours, theirs, json!({}));
    }
    equal(ours, theirs)
}

/// The commit that git names is left to build time; the variables are asked in the order of the vector.
fn release_order(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["all_set", "git"])?;
    only(vector.expected, &["with_SENTRY_RELEASE", "without", "no_git", "nothing"])?;
    let names = list(&vector.input["all_set"])?.iter().map(|name| name.as_str().ok_or_else(unknown));
    let names = names.collect::<Result<Vec<&str>, String>>()?;
    // Each variable holds its own name; those before `from` are not set.
    let release = |from: usize| {
        let set = |name: &str| names[from..].contains(&name).then(|| name.to_owned());
        let options = Options::new().fill_from(&set).map_err(|error| error.to_string())?;
        Ok::<_, String>(options.configured_release().map(str::to_owned))
    };
    for (at, name) in names.iter().enumerate() {
        equal(release(at)?.as_deref(), Some(*name))?;
    }
    equal(release(0)?.as_deref(), text(vector.expected, "with_SENTRY_RELEASE")?)?;
    equal(release(1)?.as_deref(), text(vector.expected, "no_git")?)?;
    equal(release(names.len())?.as_deref(), text(vector.expected, "nothing")?)?;
    let git = text(vector.input, "git")?.ok_or_else(unknown)?;
    equal(text(vector.expected, "without")?, Some(git))?;
    let instead = text(vector.expected, "no_git")?;
    differs(Deviation::GitIsAskedAtBuildTime, release(1)?.as_deref(), Some(git), instead)
}
