//! Reading a DSN (`protocol.md` §1.1), part by part, so that an error can name the part.

use std::str::FromStr;

use super::{Dsn, DsnError, Scheme};

/// What stands in the place of a value that its reader was to fill in.
const PLACEHOLDERS: [&str; 12] = [
    "<key>",
    "<project>",
    "<org>",
    "<host>",
    "key",
    "project",
    "project-id",
    "project_id",
    "your-dsn",
    "your_dsn",
    "your-dsn-here",
    "example-dsn",
];

/// What no key and no host holds, but every template does: `<key>`, `***`, `${KEY}`, `{{key}}`.
const TEMPLATE: [char; 6] = ['<', '>', '*', '$', '{', '}'];

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(DsnError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let template =
                PLACEHOLDERS.contains(&text.to_ascii_lowercase().as_str()) || text.contains(TEMPLATE);
            return Err(if template {
                placeholder("the DSN", text)
            } else {
                DsnError::Scheme(String::new())
            });
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(DsnError::Scheme(scheme.to_owned())),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (keys, address) = authority.rsplit_once('@').ok_or(DsnError::Key)?;
        let (public_key, secret_key) = keys_of(keys)?;
        let (host, port) = address_of(address)?;
        let (path, project_id) = path.rsplit_once('/').unwrap_or_default();
        Ok(Dsn {
            scheme,
            public_key,
            secret_key,
            host,
            port: port.filter(|port| *port != scheme.default_port()),
            project_id: project_of(project_id, path)?,
            path: path_of(path)?,
        })
    }
}

fn placeholder(part: &'static str, given: &str) -> DsnError {
    DsnError::Placeholder { part, given: given.to_owned() }
}

fn keys_of(keys: &str) -> Result<(String, Option<String>), DsnError> {
    let (public, secret) = match keys.split_once(':') {
        Some((public, secret)) => (public, Some(secret).filter(|secret| !secret.is_empty())),
        None => (keys, None),
    };
    if public.contains(TEMPLATE) {
        return Err(placeholder("public key", public));
    }
    let plain = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    if !plain(public) || !secret.is_none_or(plain) {
        return Err(DsnError::Key);
    }
    Ok((public.to_owned(), secret.map(str::to_owned)))
}

fn address_of(address: &str) -> Result<(String, Option<u16>), DsnError> {
    // An IPv6 address has colons of its own; they end at its bracket.
    let bracket = address.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match address[bracket..].rfind(':') {
        Some(colon) => {
            let (host, port) = address.split_at(bracket + colon);
            let port = &port[1..];
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number = port.parse().ok().filter(|number| digits && *number != 0);
            (host, Some(number.ok_or_else(|| DsnError::Port(port.to_owned()))?))
        }
        None => (address, None),
    };
    if host.contains(TEMPLATE) {
        return Err(placeholder("host", host));
    }
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        }
    };
    if valid { Ok((host.to_ascii_lowercase(), port)) } else { Err(DsnError::Host(host.to_owned())) }
}

/// What may stand in a path goes into the URL as it is; a query or a fragment belongs to no DSN.
fn path_of(path: &str) -> Result<String, DsnError> {
    let valid =
        path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte));
    if valid { Ok(path.to_owned()) } else { Err(DsnError::Path(path.to_owned())) }
}

/// The server's project ids are numbers; a slash at the end leaves nothing behind it.
fn project_of(project: &str, path: &str) -> Result<String, DsnError> {
    if !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(project.to_owned());
    }
    if PLACEHOLDERS.contains(&project.to_ascii_lowercase().as_str()) {
        return Err(placeholder("project id", project));
    }
    let given = if project.is_empty() {
        path.trim_start_matches('/').to_owned() + if path.is_empty() { "" } else { "/" }
    } else {
        project.to_owned()
    };
    Err(DsnError::Project(given))
}

#[cfg(test)]
mod tests {
    use super::super::error::EXPECTED;
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Dsn>().unwrap_err().to_string().replace(&format!("; {EXPECTED}"), "")
    }

    #[test]
    fn what_parses_prints_the_same() {
        for text in [
            "https://k1@o77.ingest.us.sentry.io/5",
            "http://k1:s1@localhost:9000/a/b/5",
            "https://k@[::1]:8443/1",
        ] {
            let dsn: Dsn = text.parse().unwrap();
            assert_eq!(dsn.to_string(), text);
            assert!(!format!("{dsn:?}").contains("k1") && !format!("{dsn:?}").contains("s1"));
        }
        let dsn: Dsn = "https://k@host.example:443/1".parse().unwrap();
        assert_eq!((dsn.port(), dsn.envelope_url().as_str()), (443, "https://host.example/api/1/envelope/"));
        for same in
            ["https://k@host.example/1", "HTTPS://k@Host.Example/1", " https://k@host.example:443/1\n"]
        {
            assert_eq!(same.parse(), Ok(dsn.clone()), "{same:?}");
        }
    }

    #[test]
    fn the_organization_is_in_the_host() {
        let org =
            |host: &str| format!("https://k@{host}/1").parse::<Dsn>().unwrap().org_id().map(str::to_owned);
        assert_eq!(org("o77.ingest.sentry.io").as_deref(), Some("77"));
        for none in ["sentry.io", "o.sentry.io", "ox7.sentry.io", "o77"] {
            assert_eq!(org(none), None, "{none}");
        }
    }

    #[test]
    fn an_error_names_the_part_and_shows_the_form() {
        let whole = "https://k@sentry.io/<project>".parse::<Dsn>().unwrap_err().to_string();
        assert_eq!(
            whole,
            "invalid DSN: project id \"<project>\" is not a number; expected https://<key>@o<org>.ingest.sentry.io/<project>"
        );
        let table = [
            ("", "invalid DSN: it is empty"),
            (
                "your-dsn",
                "invalid DSN: the DSN \"your-dsn\" is a placeholder: copy the DSN from the project's settings",
            ),
            (
                "https://<key>@sentry.io/1",
                "invalid DSN: public key \"<key>\" is a placeholder: copy the DSN from the project's settings",
            ),
            (
                "https://k@o<org>.ingest.sentry.io/1",
                "invalid DSN: host \"o<org>.ingest.sentry.io\" is a placeholder: copy the DSN from the project's settings",
            ),
            ("https://k@sentry.io/project-id", "invalid DSN: project id \"project-id\" is not a number"),
            ("ftp://k@sentry.io/1", "invalid DSN: scheme \"ftp\" is not http or https"),
            ("sentry.io/1", "invalid DSN: it does not begin with \"https://\" or \"http://\""),
            (
                "https://sentry.io/1",
                "invalid DSN: the key before the \"@\" is missing or not made of letters and digits",
            ),
            (
                "https://@sentry.io/1",
                "invalid DSN: the key before the \"@\" is missing or not made of letters and digits",
            ),
            ("https://k@", "invalid DSN: the host after the \"@\" is missing"),
            ("https://k@a b/1", "invalid DSN: host \"a b\" is not a host name"),
            ("https://k@host:http/1", "invalid DSN: port \"http\" is not a number between 1 and 65535"),
            ("https://k@host:+80/1", "invalid DSN: port \"+80\" is not a number between 1 and 65535"),
            ("https://k@host:0/1", "invalid DSN: port \"0\" is not a number between 1 and 65535"),
            ("https://k@host/a b/1", "invalid DSN: path \"/a b\" is not the path of a URL"),
            ("https://k@host/a?b=/1", "invalid DSN: path \"/a?b=\" is not the path of a URL"),
            ("https://k@host/1?b=1", "invalid DSN: project id \"1?b=1\" is not a number"),
            (
                "${SENTRY_DSN}",
                "invalid DSN: the DSN \"${SENTRY_DSN}\" is a placeholder: copy the DSN from the project's settings",
            ),
            ("https://k@sentry.io", "invalid DSN: the project id after the last \"/\" is missing"),
            ("https://k@sentry.io/123/", "invalid DSN: project id \"123/\" is not a number"),
        ];
        for (given, message) in table {
            assert_eq!(refused(given), message, "{given:?}");
        }
    }

    #[test]
    fn no_error_shows_a_key() {
        for text in [
            "https://hush:hu sh@host/1",
            "https://hush:hush@host:x/1",
            "https://hush@hush@host/1",
            "hush:hush@host/1",
            "https://hush:hush@host/x",
        ] {
            let error = text.parse::<Dsn>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        }
    }

    #[test]
    fn nothing_makes_it_panic() {
        let pieces = ["https", "://", "@", ":", "/", "[", "]", "1", "443", "é", "k", "K", ".", "<", " "];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 9 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(pieces[(state % pieces.len() as u64) as usize]);
            }
            state = state.wrapping_add(0x9e37_79b9);
            if let Ok(dsn) = text.parse::<Dsn>() {
                assert_eq!(dsn.to_string().parse(), Ok(dsn));
            }
        }
    }
}
