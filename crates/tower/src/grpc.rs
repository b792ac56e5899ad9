//! gRPC over HTTP/2: what a call is named by, and how it says in its trailers that it failed.

use http::{HeaderMap, header};
use percent_encoding::percent_decode;
use watchpost_protocol::SpanStatus;

use crate::kind::Kind;

pub(crate) static CALL: Kind = Kind { op: "grpc.server", origin: "auto.grpc.tower" };

/// Whether a request is a call, by its content type: `application/grpc`, also with a format behind it. That of gRPC-Web is another protocol, which has its
/// trailers in the body.
pub(crate) fn is_call(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// As [`is_call`], by the headers of a request.
pub(crate) fn is_request(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|content_type| is_call(content_type.as_bytes()))
}

/// The service and the method that a call is for: `/shop.v1.Carts/Get` → `shop.v1.Carts` and `Get`.
pub(crate) fn service_and_method(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}

/// How a call ended: what stands in its trailers, or in the head of an answer that is nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// The status as gRPC names it.
    pub(crate) name: &'static str,
    pub(crate) status: SpanStatus,
    /// The HTTP status that means the same, so that one setting says what a failure is.
    pub(crate) as_http: u16,
}

impl Outcome {
    /// `None` where nothing is said of the outcome.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok()?.trim().parse::<usize>().ok();
        let (name, status, as_http) = code.and_then(|code| CODES.get(code)).copied().unwrap_or(CODES[2]);
        Some(Outcome { name, status, as_http })
    }

    /// What the service says about it.
    pub(crate) fn message(self, headers: &HeaderMap) -> String {
        let message = headers.get("grpc-message").map(|message| percent_decode(message.as_bytes()));
        message.map(|message| message.decode_utf8_lossy().into_owned()).unwrap_or_default()
    }
}

/// The codes of gRPC, by number. As HTTP they are what the gateways of gRPC make of them, but for `UNIMPLEMENTED`: it is what a call to a path that is
/// not there gets, and that is no more a failure of the program than a 404 is.
const CODES: [(&str, SpanStatus, u16); 17] = [
    ("OK", SpanStatus::Ok, 200),
    ("CANCELLED", SpanStatus::Cancelled, 499),
    ("UNKNOWN", SpanStatus::UnknownError, 500),
    ("INVALID_ARGUMENT", SpanStatus::InvalidArgument, 400),
    ("DEADLINE_EXCEEDED", SpanStatus::DeadlineExceeded, 504),
    ("NOT_FOUND", SpanStatus::NotFound, 404),
    ("ALREADY_EXISTS", SpanStatus::AlreadyExists, 409),
    ("PERMISSION_DENIED", SpanStatus::PermissionDenied, 403),
    ("RESOURCE_EXHAUSTED", SpanStatus::ResourceExhausted, 429),
    ("FAILED_PRECONDITION", SpanStatus::FailedPrecondition, 400),
    ("ABORTED", SpanStatus::Aborted, 409),
    ("OUT_OF_RANGE", SpanStatus::OutOfRange, 400),
    ("UNIMPLEMENTED", SpanStatus::Unimplemented, 404),
    ("INTERNAL", SpanStatus::InternalError, 500),
    ("UNAVAILABLE", SpanStatus::Unavailable, 503),
    ("DATA_LOSS", SpanStatus::DataLoss, 500),
    ("UNAUTHENTICATED", SpanStatus::Unauthenticated, 401),
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_call_is_known_by_its_content_type() {
        for (content_type, is) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web+proto", false),
            ("application/json", false),
        ] {
            assert_eq!(is_call(content_type.as_bytes()), is, "{content_type}");
        }
    }

    #[test]
    fn the_codes_are_in_the_order_of_their_numbers() {
        for (code, status) in [("0", "OK"), ("5", "NOT_FOUND"), ("13", "INTERNAL"), ("16", "UNAUTHENTICATED")]
        {
            assert_eq!(Outcome::of(&headers("grpc-status", code)).unwrap().name, status);
        }
        for (name, status, _) in CODES {
            let as_named = name.to_ascii_lowercase().parse().ok();
            assert!(as_named == Some(status) || name == "UNKNOWN" || name == "INTERNAL", "{name}");
        }
        for unknown in ["17", "x", "-1"] {
            assert_eq!(Outcome::of(&headers("grpc-status", unknown)).unwrap().name, "UNKNOWN");
        }
        assert_eq!(Outcome::of(&HeaderMap::new()), None);
    }

    #[test]
    fn messages_are_percent_encoded() {
        let headers = headers("grpc-message", "50%25 of it is gone");
        assert_eq!(
            Outcome { name: "OK", status: SpanStatus::Ok, as_http: 200 }.message(&headers),
            "50% of it is gone"
        );
    }
}
