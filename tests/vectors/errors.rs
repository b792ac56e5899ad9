//! Errors: the chain of their causes, several at once, what of them is dropped, the status of a response.

use std::error::Error;
use std::fmt;

use serde_json::json;
use watchpost::protocol::SpanStatus;
use watchpost::{Pattern, capture_error, capture_group, capture_message};
use watchpost_testkit::{capture, capture_with, options};

use crate::known::{Deviation, Unchecked};
use crate::reports::lost;
use crate::{Checked, Outcome, Vector, differs, equal, list, number, only, text, unknown};

pub(crate) fn exceptions(vector: &Vector<'_>) -> Outcome {
    if vector.input.get("codes").is_some() { statuses(vector) } else { chain(vector) }
}

fn statuses(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["codes"])?;
    let mut ours = json!({});
    for code in list(&vector.input["codes"])? {
        let status = code.as_u64().and_then(|code| u16::try_from(code).ok()).ok_or_else(unknown)?;
        ours[code.to_string()] = SpanStatus::from_http_status(status).as_str().into();
    }
    equal(&ours, vector.expected)
}

/// An error with the name, the text and the cause that a vector gives it.
struct Named {
    ty: String,
    value: String,
    cause: Option<Box<Named>>,
}

impl Named {
    /// Reads `Outer('text') caused by Inner('text')`.
    fn read(text: &str) -> Option<Named> {
        let (this, cause) = match text.split_once(" caused by ") {
            Some((this, cause)) => (this, Some(Box::new(Named::read(cause)?))),
            None => (text, None),
        };
        let (ty, value) = this.strip_suffix("')")?.split_once("('")?;
        let is_name = |name: &str| name.chars().all(|char| char.is_alphanumeric() || char == '_');
        (is_name(ty) && !value.contains('\'')).then(|| Named { ty: ty.into(), value: value.into(), cause })
    }
}

/// As a derived one: the name first.
impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(&self.ty).field(&self.value).finish()
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

impl Error for Named {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn chain(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["error"])?;
    let written = text(vector.input, "error")?.ok_or_else(unknown)?;
    if let Some((message, errors)) = group_of(written) {
        return group(vector, message, &errors);
    }
    let error = Named::read(written).ok_or_else(unknown)?;
    // An erased type is named by what it prints, as a vector's error can be.
    let captured = capture(|| {
        capture_error(&error as &(dyn Error + 'static));
    });
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    let exceptions = event.exception.iter().map(|exception| {
        let mechanism = exception.mechanism.clone().unwrap_or_default();
        let mechanism = json!({ "type": mechanism.ty, "handled": mechanism.handled });
        json!({ "type": exception.ty, "value": exception.value, "mechanism": mechanism })
    });
    let (ours, theirs) = (exceptions.collect::<Vec<_>>(), list(vector.expected)?.to_vec());
    if theirs.len() < 2 {
        return equal(ours, theirs);
    }
    let mut instead = theirs.clone();
    let causes = instead.len() - 1;
    let kind_of_all = theirs[causes]["mechanism"]["type"].clone();
    for cause in &mut instead[..causes] {
        equal(&cause["mechanism"]["type"], &kind_of_all)?;
        cause["mechanism"]["type"] = "chained".into();
    }
    differs(Deviation::CauseIsChained, ours, theirs, instead)
}

/// Reads `ExceptionGroup('text', [A('a'), B('b')])`.
fn group_of(text: &str) -> Option<(&str, Vec<Named>)> {
    let (message, errors) = text.strip_prefix("ExceptionGroup('")?.strip_suffix("])")?.split_once("', [")?;
    let errors: Option<Vec<Named>> = errors.split(", ").map(Named::read).collect();
    Some((message, errors?))
}

fn group(vector: &Vector<'_>, message: &str, errors: &[Named]) -> Outcome {
    let captured = capture(|| {
        capture_group(message, errors.iter().map(|error| error as &(dyn Error + 'static)));
    });
    let event = captured.events().into_iter().next().ok_or("no event was sent")?;
    let ours = event.exception.iter().map(|exception| {
        let mut exception = json!(exception);
        exception.as_object_mut().map(|exception| exception.remove("stacktrace"));
        exception
    });
    let mut instead = vector.expected.clone();
    for exception in instead.as_array_mut().ok_or_else(unknown)? {
        if exception["mechanism"]["is_exception_group"] == json!(true) {
            exception["type"] = "ErrorGroup".into();
        }
        if let Some(source) = exception["mechanism"].get_mut("source") {
            *source = source.as_str().ok_or_else(unknown)?.replace("exceptions[", "errors[").into();
        }
    }
    let (ours, theirs) = (ours.collect::<Vec<_>>(), list(vector.expected)?.to_vec());
    differs(Deviation::GroupIsOfErrors, ours, theirs, list(&instead)?.to_vec())
}

/// The error of the vectors that ignore some.
#[derive(Debug)]
struct MyErr(ValueError);

#[derive(Debug)]
struct ValueError;

impl fmt::Display for MyErr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mine")
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
}

impl Error for ValueError {}

/// A subclass has its parent in its chain.
impl Error for MyErr {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn ignore_errors(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["ignore_errors", "error"])?;
    let mut options = options();
    let mut is_regex = false;
    for name in list(&vector.input["ignore_errors"])? {
        let name = name.as_str().ok_or_else(unknown)?;
        options = match (name.split_once(':'), name) {
            (Some(("type", "ValueError")), _) => options.ignore_error::<ValueError>(),
            (Some(("type", "MyErr")), _) => options.ignore_error::<MyErr>(),
            (Some(("re", regex)), _) => {
                is_regex = true;
                options.ignore_errors([Pattern::regex(regex).map_err(|error| error.to_string())?])
            }
            (None, name) => options.ignore_errors([name]),
            _ => return Err(unknown()),
        };
    }
    let captured = capture_with(options, || {
        match text(vector.input, "error") {
            Ok(Some("MyErr(ValueError)")) => capture_error(&MyErr(ValueError)),
            Ok(Some("ValueError")) => capture_error(&ValueError),
            _ => panic!("an error that no check knows"),
        };
    });
    let (sent, losses) = (captured.events().len() as u64, captured.losses());
    if is_regex {
        only(vector.expected, &["python_sent", "returned"])?;
        equal(losses, Vec::new())?;
        return differs(
            Deviation::OneRegexIsNoTrap,
            Some(sent),
            vector.expected["python_sent"].as_u64(),
            Some(1),
        );
    }
    only(vector.expected, &["sent", "lost"])?;
    equal(Some(sent), vector.expected["sent"].as_u64())?;
    let theirs = lost(&vector.expected["lost"])?;
    if sent == 1 {
        return equal(losses, theirs);
    }
    differs(Deviation::IgnoredIsCounted, losses, theirs, vec!["event_processor/error: 1".to_owned()])
}

fn error_sampler(vector: &Vector<'_>) -> Outcome {
    only(vector.input, &["error_sampler", "sample_rate"])?;
    only(vector.expected, &["sent"])?;
    let share = match text(vector.input, "error_sampler")?.ok_or_else(unknown)? {
        "false" => f64::from(false),
        "true" => f64::from(true),
        "wrong type" | "raises" => f64::NAN,
        number => number.parse().map_err(|_| unknown())?,
    };
    let rate = number(vector.input, "sample_rate")?.ok_or_else(unknown)?;
    let sampled =
        options().sample_rate(rate).map_err(|error| error.to_string())?.error_sampler(move |_| share);
    let captured = capture_with(sampled, || {
        capture_error(&ValueError);
    });
    equal(Some(captured.events().len() as u64), vector.expected["sent"].as_u64())?;
    let lost =
        if captured.events().is_empty() { vec!["sample_rate/error: 1".to_owned()] } else { Vec::new() };
    equal(captured.losses(), lost)
}

pub(crate) fn error_filters(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("ignore_errors") {
        return ignore_errors(vector);
    }
    if has("error_sampler") {
        return error_sampler(vector);
    }
    if text(vector.input, "call")?.is_some_and(|call| call.starts_with("capture_exception()")) {
        return Ok(Checked::Skipped(Unchecked::NeedsAnError));
    }
    only(vector.input, &["before_send"])?;
    only(vector.expected, &["sent", "lost"])?;
    let hooked = match text(vector.input, "before_send")? {
        Some("drops") => options().before_send(|_| None),
        Some("raises" | "panics") => options().before_send(|_| panic!("as the vector wants")),
        _ => return Err(unknown()),
    };
    let captured = capture_with(hooked, || {
        capture_message("m");
    });
    equal(&json!(captured.events()), &vector.expected["sent"])?;
    equal(captured.losses(), lost(&vector.expected["lost"])?)
}
