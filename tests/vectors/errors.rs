//! Errors: the chain of their causes, the hook that may drop them, the status of a response.

use std::error::Error;
use std::fmt;

use serde_json::json;
use watchpost::protocol::SpanStatus;
use watchpost::{capture_error, capture_message};
use watchpost_testkit::{capture, capture_with, options};

use crate::known::{Deviation, Unchecked};
use crate::reports::lost;
use crate::{Checked, Outcome, Vector, differs, equal, list, only, text, unknown};

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
    let Some(error) = text(vector.input, "error")?.and_then(Named::read) else {
        let is_group = vector.id.contains("group");
        return if is_group { Ok(Checked::Skipped(Unchecked::ErrorGroups)) } else { Err(unknown()) };
    };
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

pub(crate) fn error_filters(vector: &Vector<'_>) -> Outcome {
    let has = |key: &str| vector.input.get(key).is_some();
    if has("ignore_errors") {
        return Ok(Checked::Skipped(Unchecked::IgnoreErrors));
    }
    if has("error_sampler") {
        return Ok(Checked::Skipped(Unchecked::ErrorSampler));
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
