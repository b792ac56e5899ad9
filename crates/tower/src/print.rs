//! The request as events carry it (`protocol.md` §5.5), filtered by §16.4, and as its transaction tells of it (§18.1); made on the worker.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use http::header;
use watchpost_core::layer::SpanData;
use watchpost_core::{RequestSource, scrub};
use watchpost_protocol::Request;

use crate::head::Head;
use crate::headers::SCHEME;

impl RequestSource for Head {
    fn request(&self) -> Request {
        let mut env = BTreeMap::new();
        if let Some(client) = self.client() {
            env.insert("REMOTE_ADDR".to_owned(), client.into_owned());
        }
        Request {
            method: Some(self.method.to_string()),
            url: Some(self.url()),
            query_string: self.query().map(|query| scrub::query(query).into_owned().into()),
            cookies: if self.pii { self.cookies() } else { None },
            headers: self.printed_headers(),
            env,
            data: self.body.print(),
            ..Request::default()
        }
    }

    fn name(&self) -> String {
        Head::name(self)
    }

    fn describe<'a>(&'a self, response_status: Option<u16>, origin: Option<&str>, data: &mut SpanData<'a>) {
        if origin != Some(self.kind().origin) {
            return; // another transaction, that began while this request was handled
        }
        Head::describe(self, &mut |key, value| data.insert_new(key, value));
        if let Some(status) = response_status {
            data.insert_new("http.response.status_code", status);
        }
    }
}

impl Head {
    /// The address without its query. The scheme is what the request says it is, or a proxy before us; else `http`.
    fn url(&self) -> String {
        let scheme = self.headers.get(SCHEME);
        let forwarded = self.headers.get("x-forwarded-proto");
        let scheme =
            scheme.or(forwarded.filter(|scheme| matches!(*scheme, "http" | "https"))).unwrap_or("http");
        let path = if self.path() == "*" { "" } else { self.path() }; // of the server as a whole (RFC 9110 §7.1)
        match self.host() {
            Some(host) => format!("{scheme}://{host}{path}"),
            None => path.to_owned(),
        }
    }

    /// All of them: HTTP/2 has a header for each (RFC 9113 §8.2.3).
    fn cookies(&self) -> Option<String> {
        let values = self.headers.iter().filter(|(name, _)| header::COOKIE == *name);
        let cookies: Vec<&str> = values.filter_map(|(_, value)| str::from_utf8(value).ok()).collect();
        (!cookies.is_empty()).then(|| cookies.join("; "))
    }

    fn printed_headers(&self) -> BTreeMap<Cow<'static, str>, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in self.headers.iter() {
            let value = str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed);
            let sent = scrub::header(name, &value, self.pii);
            let joint = if header::COOKIE == name { "; " } else { ", " };
            match headers.entry(titled(name)) {
                Entry::Vacant(first) => _ = first.insert(sent.into_owned()),
                Entry::Occupied(_) if sent == scrub::FILTERED => {} // once is enough
                Entry::Occupied(mut all) => all.get_mut().extend([joint, &*sent]),
            }
        }
        headers
    }
}

/// What most requests have, as people know it: none of these is made for each of them.
const COMMON: [&str; 36] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Baggage",
    "Cache-Control",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Dnt",
    "Forwarded",
    "Host",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Pragma",
    "Priority",
    "Range",
    "Referer",
    "Sec-Ch-Ua",
    "Sec-Ch-Ua-Mobile",
    "Sec-Ch-Ua-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sentry-Trace",
    "Traceparent",
    "Tracestate",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "X-Request-Id",
];

/// `content-type` as `Content-Type`, which is how people know it.
fn titled(name: &str) -> Cow<'static, str> {
    match COMMON.iter().find(|common| common.eq_ignore_ascii_case(name)) {
        Some(common) => Cow::Borrowed(common),
        None => Cow::Owned(with_title(name)),
    }
}

fn with_title(name: &str) -> String {
    let mut before = '-';
    let title = |letter: char| {
        let first = std::mem::replace(&mut before, letter) == '-';
        if first { letter.to_ascii_uppercase() } else { letter }
    };
    name.chars().map(title).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Notable;
    use crate::tap::BodyData;

    fn printed(pii: bool) -> Request {
        let request = http::Request::builder()
            .method("POST")
            .uri("https://sam:hunter2@shop.test/checkout/42?token=abc&page=2")
            .header("cookie", "session=1")
            .header("cookie", "theme=2")
            .header("authorization", "Bearer x")
            .header("x-forwarded-for", "10.0.0.7, 10.0.0.8")
            .header("accept", "a")
            .header("accept", "b")
            .body(())
            .unwrap();
        Head::of(&request.into_parts().0, pii, BodyData::Absent, &mut Notable::default()).request()
    }

    #[test]
    fn names_are_as_people_know_them() {
        let names = ["content-type", "x", "x--a-", "", "1-b", "x-shop-id"].map(titled);
        assert_eq!(names, ["Content-Type", "X", "X--A-", "", "1-B", "X-Shop-Id"]);
        assert_eq!(COMMON.map(|name| with_title(&name.to_ascii_lowercase())), COMMON);
    }

    #[test]
    fn nothing_that_names_a_person_or_a_secret_is_printed_by_default() {
        let printed = printed(false);
        let text = serde_json::to_string(&printed).unwrap();
        for secret in ["session=1", "Bearer", "10.0.0.7", "abc", "hunter2"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(printed.url.as_deref(), Some("https://shop.test/checkout/42"));
        assert_eq!(printed.query_string, Some("token=[Filtered]&page=2".into()));
        assert_eq!(printed.headers["Accept"], "a, b");
        assert_eq!(printed.headers["Cookie"], "[Filtered]");
    }

    #[test]
    fn a_request_to_the_server_as_a_whole_has_no_path() {
        let request = http::Request::options("*").header("host", "shop.test").body(()).unwrap();
        let head = Head::of(&request.into_parts().0, false, BodyData::Absent, &mut Notable::default());
        assert_eq!(
            (head.request().url.as_deref(), &*Head::name(&head)),
            (Some("http://shop.test"), "OPTIONS *")
        );
    }

    #[test]
    fn with_consent_it_is() {
        let printed = printed(true);
        assert_eq!(printed.cookies.as_deref(), Some("session=1; theme=2"));
        assert_eq!(printed.env["REMOTE_ADDR"], "10.0.0.7");
        assert_eq!(printed.headers["Authorization"], "Bearer x");
        assert_eq!(printed.headers["Cookie"], "session=1; theme=2");
        assert!(!printed.url.unwrap().contains("hunter2"), "a password in an address is nobody's business");
    }
}
