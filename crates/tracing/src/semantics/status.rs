//! How a span ended, by its attributes (`protocol.md` §6.5).

use watchpost_core::layer::SpanData;
use watchpost_protocol::SpanStatus;

use super::attributes::Attributes;

/// An attribute, and what its value says.
struct Rule {
    key: &'static str,
    bits: u64,
    /// `None` if it is silent about the end.
    says: fn(&str) -> Option<SpanStatus>,
}

const fn rule(key: &'static str, says: fn(&str) -> Option<SpanStatus>) -> Rule {
    Rule { key, bits: SpanData::bits(&[key]), says }
}

/// The first that says anything counts. What tells which failure it was comes first, then that there was one; last, that there was none.
static RULES: &[Rule] = &[
    rule("http.response.status_code", |code| http(code).filter(|status| *status != SpanStatus::Ok)),
    rule("rpc.response.status_code", |code| grpc(code).filter(|status| *status != SpanStatus::Ok)),
    rule("otel.status_code", otel),
    rule("error.type", error),
    rule("error.message", error),
    rule("exception.type", error),
    rule("exception.message", error),
    rule("http.response.status_code", http),
    rule("rpc.response.status_code", grpc),
];

/// The status that the attributes speak of.
pub(crate) fn of<'a>(attributes: &impl Attributes<'a>) -> Option<SpanStatus> {
    let mut rules = RULES.iter().filter(|rule| attributes.may_have(rule.bits));
    rules.find_map(|rule| (rule.says)(&attributes.text(rule.key)?))
}

/// `404`, or `404 Not Found`.
fn http(code: &str) -> Option<SpanStatus> {
    let code = code.split_whitespace().next()?.parse().ok()?;
    (code != 0).then(|| SpanStatus::from_http_status(code))
}

/// `5`, `NOT_FOUND` or `NotFound`.
fn grpc(code: &str) -> Option<SpanStatus> {
    let named = |name: &str| {
        let letters = |name: &str| name.bytes().filter(|byte| *byte != b'_').collect::<Vec<u8>>();
        letters(name).eq_ignore_ascii_case(&letters(code))
    };
    let number = code.parse().ok();
    let found = GRPC.iter().enumerate().find(|(at, (name, _))| number == Some(*at) || named(name));
    found.map(|(_, (_, status))| *status)
}

/// The codes of gRPC in the order of their numbers.
static GRPC: &[(&str, SpanStatus)] = &[
    ("OK", SpanStatus::Ok),
    ("CANCELLED", SpanStatus::Cancelled),
    ("UNKNOWN", SpanStatus::UnknownError),
    ("INVALID_ARGUMENT", SpanStatus::InvalidArgument),
    ("DEADLINE_EXCEEDED", SpanStatus::DeadlineExceeded),
    ("NOT_FOUND", SpanStatus::NotFound),
    ("ALREADY_EXISTS", SpanStatus::AlreadyExists),
    ("PERMISSION_DENIED", SpanStatus::PermissionDenied),
    ("RESOURCE_EXHAUSTED", SpanStatus::ResourceExhausted),
    ("FAILED_PRECONDITION", SpanStatus::FailedPrecondition),
    ("ABORTED", SpanStatus::Aborted),
    ("OUT_OF_RANGE", SpanStatus::OutOfRange),
    ("UNIMPLEMENTED", SpanStatus::Unimplemented),
    ("INTERNAL", SpanStatus::InternalError),
    ("UNAVAILABLE", SpanStatus::Unavailable),
    ("DATA_LOSS", SpanStatus::DataLoss),
    ("UNAUTHENTICATED", SpanStatus::Unauthenticated),
];

/// `ERROR`, `Error`, `OK` or `Ok`; `UNSET` is silent.
fn otel(code: &str) -> Option<SpanStatus> {
    if code.eq_ignore_ascii_case("error") {
        Some(SpanStatus::InternalError)
    } else if code.eq_ignore_ascii_case("ok") {
        Some(SpanStatus::Ok)
    } else {
        None
    }
}

fn error(_: &str) -> Option<SpanStatus> {
    Some(SpanStatus::InternalError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(attributes: &[(&str, &str)]) -> Option<&'static str> {
        let data: SpanData<'_> = attributes.iter().map(|(key, value)| (*key, (*value).into())).collect();
        of(&data).map(SpanStatus::as_str)
    }

    #[test]
    fn which_failure_it_was_counts_before_that_there_was_one() {
        let (http, otel, grpc) =
            ("http.response.status_code", "otel.status_code", "rpc.response.status_code");
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let table: &[Row<'_>] = &[
            (&[(http, "404"), (otel, "ERROR")], Some("not_found")),
            (&[(http, "404 Not Found"), (otel, "OK")], Some("not_found")),
            (&[(http, "200"), (otel, "ERROR")], Some("internal_error")),
            (&[(http, "200"), ("exception.message", "cut off")], Some("internal_error")),
            (&[(http, "200")], Some("ok")),
            (&[(http, "302")], Some("ok")),
            (&[(grpc, "5"), (otel, "error")], Some("not_found")),
            (&[(grpc, "UNAVAILABLE")], Some("unavailable")),
            (&[(grpc, "DeadlineExceeded")], Some("deadline_exceeded")),
            (&[(grpc, "0"), ("error.type", "timeout")], Some("internal_error")),
            (&[(grpc, "0")], Some("ok")),
            (&[(otel, "Ok"), ("error.message", "ignored")], Some("ok")),
            (&[(otel, "UNSET")], None),
            (&[(http, "none"), (grpc, "99")], None),
            (&[("error.message", "")], None),
        ];
        for (attributes, expected) in table {
            assert_eq!(ended(attributes), *expected, "{attributes:?}");
        }
    }
}
