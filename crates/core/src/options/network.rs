//! How the server is reached: proxies, certificates, compression (`protocol.md` §2.7, §2.8, §20.7).

use std::path::PathBuf;

use watchpost_protocol::{Dsn, Scheme};

use super::Options;

/// What is done to a body before it is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompressionAlgo {
    /// It is sent as it is.
    None,
    /// gzip at its fastest level, a quarter of the time of the usual one: 17 kB of spans become 2.4 kB in 21 µs.
    #[default]
    Gzip,
    /// brotli at a middle level: smaller, and some ten times as slow. Needs the feature `brotli`.
    Brotli,
    /// zstd at its first level: a quarter smaller than gzip, and faster. Needs the feature `zstd`, and a C compiler.
    Zstd,
}

/// What the facade hands to its transport.
#[doc(hidden)]
#[derive(Clone, Default)]
#[allow(missing_docs, missing_debug_implementations, reason = "a proxy's URL may hold a password")]
pub struct Network {
    pub compression: CompressionAlgo,
    pub http_proxy: Option<String>,
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
    pub ca_certs: Option<PathBuf>,
    /// Certificate and key.
    pub client_cert: Option<(PathBuf, PathBuf)>,
    environment: Proxies,
}

/// What the environment says, which `no_proxy` is about.
#[derive(Clone, Default)]
struct Proxies {
    http: Option<String>,
    https: Option<String>,
}

impl Options {
    /// How bodies are compressed. Default: [`CompressionAlgo::Gzip`].
    pub fn compression(mut self, algo: CompressionAlgo) -> Self {
        self.network.compression = algo;
        self
    }

    /// The proxy to a server whose DSN is http, such as `http://user:password@proxy:3128` or `socks5h://proxy:1080`, and to one whose DSN is https,
    /// if [`https_proxy`](Self::https_proxy) is not set. An empty text means none, whatever the environment says; what is no URL of a proxy is
    /// refused by `init`. Default: the variable `http_proxy` or `HTTP_PROXY`.
    pub fn http_proxy(mut self, url: impl Into<String>) -> Self {
        self.network.http_proxy = Some(url.into());
        self
    }

    /// The proxy to a server whose DSN is https, as [`http_proxy`](Self::http_proxy). Default: the variable `https_proxy` or `HTTPS_PROXY`.
    pub fn https_proxy(mut self, url: impl Into<String>) -> Self {
        self.network.https_proxy = Some(url.into());
        self
    }

    /// Which hosts are reached without the proxy that the environment names: hosts or ends of them, with commas in between; `*` is all. A
    /// proxy that is set in code is used regardless. Default: the variable `no_proxy` or `NO_PROXY`.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.network.no_proxy = Some(hosts.into());
        self
    }

    /// The certificate authorities to trust instead of those that are built in: a file of certificates in PEM. It is read and checked by
    /// `init`. On most Linux systems the system's own are in `/etc/ssl/certs/ca-certificates.crt`. Default: the file that the variable
    /// `SSL_CERT_FILE` or `REQUESTS_CA_BUNDLE` names, or else the roots of webpki, which are Mozilla's.
    pub fn ca_certs(mut self, file: impl Into<PathBuf>) -> Self {
        self.network.ca_certs = Some(file.into());
        self
    }

    /// The certificate to show to a server that asks for one, with those that lead to its authority, and its key: two files in PEM. They are
    /// read and checked by `init`. Default: the files that the variables `CLIENT_CERT_FILE` and `CLIENT_KEY_FILE` name.
    pub fn client_cert(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.network.client_cert = Some((certificate.into(), key.into()));
        self
    }
}

impl Network {
    /// Fills what is not set; says which options it took from which variables.
    pub(crate) fn fill(
        &mut self,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<(&'static str, &'static str)> {
        let mut filled = Vec::new();
        let named = |name: &'static str| Some((name, lookup(name).filter(|value| !value.is_empty())?));
        let mut take = |option: &'static str, is_set: bool, variables: [&'static str; 2]| {
            let (variable, value) = variables.into_iter().find_map(named)?;
            if !is_set {
                filled.push((option, variable));
            }
            Some(value)
        };
        // To a CGI program, HTTP_PROXY may be a header of the request that it serves.
        let upper = if named("REQUEST_METHOD").is_none() { "HTTP_PROXY" } else { "http_proxy" };
        self.environment = Proxies {
            http: take("http_proxy", self.http_proxy.is_some(), ["http_proxy", upper]),
            https: take("https_proxy", self.https_proxy.is_some(), ["https_proxy", "HTTPS_PROXY"]),
        };
        if self.no_proxy.is_none() {
            self.no_proxy = take("no_proxy", false, ["no_proxy", "NO_PROXY"]);
        }
        if self.ca_certs.is_none() {
            let file = take("ca_certs", false, ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]);
            self.ca_certs = file.map(PathBuf::from);
        }
        if let (None, Some((variable, certificate)), Some((_, key))) =
            (&self.client_cert, named("CLIENT_CERT_FILE"), named("CLIENT_KEY_FILE"))
        {
            self.client_cert = Some((certificate.into(), key.into()));
            filled.push(("client_cert", variable));
        }
        filled
    }

    /// An option of these as a person may see it: nothing is the empty text, and of a proxy neither name nor password is told.
    pub(crate) fn shown(&self, option: &str) -> String {
        let proxy = |set: &Option<String>, environment: &Option<String>| {
            let url = set.as_deref().or(environment.as_deref()).unwrap_or_default();
            without_password(url)
        };
        match option {
            "http_proxy" => proxy(&self.http_proxy, &self.environment.http),
            "https_proxy" => proxy(&self.https_proxy, &self.environment.https),
            "no_proxy" => self.no_proxy.clone().unwrap_or_default(),
            "ca_certs" => self.ca_certs.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
            "client_cert" => {
                self.client_cert.as_ref().map(|(file, key)| format!("{:?}", [file, key])).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    /// The proxy to the server of this DSN; `None`: it is reached directly.
    #[must_use]
    pub fn proxy(&self, dsn: &Dsn) -> Option<&str> {
        let bypassed = self.no_proxy.as_deref().is_some_and(|hosts| is_bypassed(dsn.host(), hosts));
        let (http, https) = if bypassed {
            (None, None)
        } else {
            (self.environment.http.as_deref(), self.environment.https.as_deref())
        };
        let http = self.http_proxy.as_deref().or(http);
        let proxy = match dsn.scheme() {
            Scheme::Http => http,
            Scheme::Https => self.https_proxy.as_deref().or(https).or(http),
        };
        proxy.filter(|url| !url.is_empty())
    }
}

/// A proxy for a log.
pub(crate) fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        _ => url.to_owned(),
    }
}

/// Whether a host is one of these, or ends in one.
fn is_bypassed(host: &str, hosts: &str) -> bool {
    let hosts = hosts.split(',').map(|entry| entry.trim().trim_start_matches('.').to_ascii_lowercase());
    hosts.filter(|entry| !entry.is_empty()).any(|entry| {
        let parent = || host.strip_suffix(&*entry).is_some_and(|rest| rest.ends_with('.'));
        entry == "*" || entry == host || parent()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(options: Options, dsn: &str, environment: &[(&str, &str)]) -> Option<String> {
        let lookup = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut network = options.network;
        network.fill(&lookup);
        network.proxy(&dsn.parse().unwrap()).map(str::to_owned)
    }

    #[test]
    fn what_is_set_wins_and_empty_is_none() {
        const HTTP: &str = "http://k@shop.test/1";
        const HTTPS: &str = "https://k@shop.test/1";
        let both = [("HTTP_PROXY", "http://h"), ("https_proxy", "http://s"), ("HTTPS_PROXY", "http://no")];
        let new = Options::new;
        for (options, dsn, expected) in [
            (new(), HTTP, Some("http://h")),
            (new(), HTTPS, Some("http://s")),
            (new().http_proxy("http://mine"), HTTP, Some("http://mine")),
            (new().http_proxy("http://mine"), HTTPS, Some("http://s")),
            (new().https_proxy("http://mine"), HTTPS, Some("http://mine")),
            (new().https_proxy("http://mine"), HTTP, Some("http://h")),
            (new().http_proxy(""), HTTP, None),
            (new().https_proxy(""), HTTPS, None),
        ] {
            assert_eq!(proxy(options, dsn, &both).as_deref(), expected, "{dsn}");
        }
        let http = [("http_proxy", "http://h")];
        assert_eq!(proxy(new(), HTTPS, &http).as_deref(), Some("http://h"));
        assert_eq!(proxy(new(), HTTP, &[]), None);
    }

    #[test]
    fn a_header_of_a_cgi_request_is_no_proxy() {
        let cgi = [("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy(Options::new(), "http://k@shop.test/1", &cgi), None);
    }

    #[test]
    fn hosts_are_bypassed_by_their_end() {
        for (hosts, bypassed) in [
            ("shop.test", true),
            ("other.test, .TEST", true),
            ("*", true),
            ("hop.test", false),
            ("api.shop.test", false),
            (",", false),
        ] {
            let environment = [("http_proxy", "http://h"), ("NO_PROXY", hosts)];
            let found = proxy(Options::new(), "http://k@shop.test/1", &environment);
            assert_eq!(found.is_none(), bypassed, "{hosts}");
            let set = Options::new().http_proxy("http://mine");
            assert!(proxy(set, "http://k@shop.test/1", &environment).is_some(), "set in code");
        }
    }

    #[test]
    fn files_are_named_by_variables() {
        let mut network = Network::default();
        network.fill(&|name| match name {
            "REQUESTS_CA_BUNDLE" => Some("/ca.pem".into()),
            "CLIENT_CERT_FILE" | "CLIENT_KEY_FILE" => Some(format!("/{name}")),
            _ => None,
        });
        assert_eq!(network.ca_certs, Some("/ca.pem".into()));
        assert_eq!(network.client_cert, Some(("/CLIENT_CERT_FILE".into(), "/CLIENT_KEY_FILE".into())));
    }
}
