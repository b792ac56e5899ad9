//! Who is told of a trace: the URLs whose requests carry its headers (`protocol.md` §8.10).

use watchpost_protocol::Dsn;

use crate::client::Client;

impl Client {
    /// Whether the option `trace_propagation_targets` names this URL: then its requests have trace headers, unless the client
    /// [`reports_to`](Self::reports_to) it.
    #[must_use]
    pub fn tells(&self, url: &str) -> bool {
        match &self.options().trace_propagation_targets {
            None => true,
            Some(targets) => targets.iter().any(|target| target.is_in(url)),
        }
    }

    /// Whether this URL is at the host of the DSN. Nothing is ever told there by a header, and a request to it is no matter of the program's.
    #[must_use]
    pub fn reports_to(&self, url: &str) -> bool {
        self.config().dsn.as_ref().is_some_and(|dsn| is_host_of(dsn, url))
    }
}

/// Whether the URL leads to the DSN's host: the same name and port, by whatever scheme.
fn is_host_of(dsn: &Dsn, url: &str) -> bool {
    // What may stand in a path is no scheme.
    let (scheme, rest) = url.split_once("://").filter(|_| !url.starts_with('/')).unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = split_port(address);
    // A port that goes without saying is not said.
    let unsaid = |scheme: &str, port: u16| match scheme {
        "http" | "ws" => port == 80,
        "https" | "wss" => port == 443,
        _ => false,
    };
    let port = port.filter(|&port| !unsaid(&scheme.to_ascii_lowercase(), port));
    let own_port = Some(dsn.port()).filter(|&port| !unsaid(dsn.scheme().as_str(), port));
    bare(host).eq_ignore_ascii_case(bare(dsn.host())) && port == own_port
}

/// Without the brackets of an IPv6 address and without the dot of the root.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']']).trim_end_matches('.')
}

/// `host:8080`, `[::1]:8080`, or either without its port.
fn split_port(address: &str) -> (&str, Option<u16>) {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (address, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_to(dsn: &str, url: &str) -> bool {
        is_host_of(&dsn.parse().unwrap(), url)
    }

    #[test]
    fn the_host_of_the_dsn_is_known_however_it_is_written() {
        for url in [
            "https://o1.ingest.sentry.io/api/1/envelope/",
            "http://o1.ingest.sentry.io",
            "https://O1.Ingest.Sentry.IO:443?a=/b",
            "https://user:pass@o1.ingest.sentry.io/",
            "https://o1.ingest.sentry.io./",
            "o1.ingest.sentry.io/1",
        ] {
            assert!(leads_to("https://k@o1.ingest.sentry.io/1", url), "{url}");
        }
        for url in [
            "https://ingest.sentry.io/1",
            "https://o1.ingest.sentry.io:8443/",
            "https://o1.ingest.sentry.io.example.com/",
            "https://example.com/?to=https://o1.ingest.sentry.io/",
            "https://o1.ingest.sentry.io@example.com/",
            "/go/https://o1.ingest.sentry.io/",
            "/api",
            "",
        ] {
            assert!(!leads_to("https://k@o1.ingest.sentry.io/1", url), "{url}");
        }
    }

    #[test]
    fn other_services_of_the_same_machine_are_not_it() {
        let dsn = "http://k@localhost:9000/1";
        assert!(leads_to(dsn, "http://localhost:9000/api/1/envelope/"));
        assert!(!leads_to(dsn, "http://localhost:3000/") && !leads_to(dsn, "http://localhost/"));
        assert!(leads_to("http://k@[::1]:9000/1", "http://[::1]:9000/"));
        assert!(!leads_to("http://k@[::1]:9000/1", "http://[::1]/"));
    }
}
