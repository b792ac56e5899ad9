//! Who was affected (`protocol.md` §5.4).

use std::fmt;
use std::net::{AddrParseError, IpAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::wire;

/// The user whom an event or a transaction concerns.
///
/// At least one of `id`, `username`, `email` and `ip_address` is wanted by the server; any other key may stand in `other` and is shown
/// as it is.
///
/// ```
/// # use watchpost_protocol as watchpost;
/// use watchpost::User;
///
/// let user = User::id("42").email("sam@example.org");
/// assert_eq!(serde_json::to_string(&user)?, r#"{"id":"42","email":"sam@example.org"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The application's own id of the user.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::scalar")]
    pub id: Option<String>,
    /// The name under which the user signs in.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::scalar")]
    pub username: Option<String>,
    /// The user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The user's network address, or the wish that the server takes it from the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddress>,
    /// Where the user is; the server derives it from the address if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
    /// Everything else that is known about the user.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

impl User {
    /// A user known by the application's own id: a text, a number, or whatever displays as one.
    ///
    /// ```
    /// # use watchpost_protocol as watchpost;
    /// use watchpost::User;
    ///
    /// assert_eq!(User::id(42), User::id("42"));
    /// ```
    #[must_use]
    pub fn id(id: impl fmt::Display) -> Self {
        User { id: Some(id.to_string()), ..User::default() }
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Sets the name under which the user signs in.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets the network address.
    #[must_use]
    pub fn ip_address(mut self, address: impl Into<IpAddress>) -> Self {
        self.ip_address = Some(address.into());
        self
    }
}

/// Where a user is, roughly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Geo {
    /// The town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2, such as `AT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The region or state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Unknown fields, kept.
    #[serde(flatten, serialize_with = "wire::others")]
    pub other: Map<String, Value>,
}

/// The network address of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpAddress {
    /// `{{auto}}`: the server takes the address that the report came from. A server program must not send this: it would be
    /// its own address.
    Auto,
    /// This address.
    Exact(IpAddr),
}

impl From<IpAddr> for IpAddress {
    fn from(address: IpAddr) -> Self {
        IpAddress::Exact(address)
    }
}

impl fmt::Display for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IpAddress::Auto => f.write_str("{{auto}}"),
            IpAddress::Exact(address) => address.fmt(f),
        }
    }
}

impl FromStr for IpAddress {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        if text == "{{auto}}" { Ok(IpAddress::Auto) } else { text.parse().map(IpAddress::Exact) }
    }
}

impl Serialize for IpAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "id": "42", "ip_address": "2001:db8::1", "plan": "pro", "seats": 3,
            "geo": {"city": "Graz", "country_code": "AT", "planet": "Earth"}
        });
        let user: User = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(user.other["plan"], "pro");
        assert_eq!(serde_json::to_value(&user).unwrap(), wire);
    }

    #[test]
    fn a_numeric_id_is_read_as_text() {
        let user: User = serde_json::from_value(json!({"id": 42, "email": null})).unwrap();
        assert_eq!(user, User::id("42"));
    }

    #[test]
    fn the_address_is_literal_or_auto() {
        let auto: User = serde_json::from_value(json!({"ip_address": "{{auto}}"})).unwrap();
        assert_eq!(auto.ip_address, Some(IpAddress::Auto));
        let exact = User::default().ip_address(IpAddr::from([10, 0, 0, 7]));
        assert_eq!(serde_json::to_value(exact).unwrap(), json!({"ip_address": "10.0.0.7"}));
        assert!("10.0.0".parse::<IpAddress>().is_err());
    }
}
