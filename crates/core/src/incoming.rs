//! What came along with a request or a message, by which its trace goes on here (`protocol.md` §8.1).

/// The headers that name a trace, as they came.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// `sentry-trace`.
    pub sentry_trace: Option<String>,
    /// `baggage`.
    pub baggage: Option<String>,
}

impl Incoming {
    /// Looks for them among others.
    pub fn of<K: AsRef<str>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut incoming = Incoming::default();
        for (name, value) in headers {
            if let Ok(value) = std::str::from_utf8(value.as_ref()) {
                incoming.add(name.as_ref(), value);
            }
        }
        incoming
    }

    /// Takes a header if it is one of them; the names of CGI variables (`HTTP_SENTRY_TRACE`) are understood too. One that occurs several times is one
    /// list (§8.3).
    pub fn add(&mut self, name: &str, value: &str) {
        let header = match name {
            _ if is(name, "sentry-trace") => &mut self.sentry_trace,
            _ if is(name, "baggage") => &mut self.baggage,
            _ => return,
        };
        match header {
            Some(list) => list.extend([",", value]),
            None => *header = Some(value.to_owned()),
        }
    }
}

fn is(name: &str, wanted: &str) -> bool {
    let name = name.get(..5).filter(|head| head.eq_ignore_ascii_case("http_")).map_or(name, |_| &name[5..]);
    let same =
        |(given, wanted): (u8, u8)| given.eq_ignore_ascii_case(&wanted) || (given == b'_' && wanted == b'-');
    name.len() == wanted.len() && name.bytes().zip(wanted.bytes()).all(same)
}
