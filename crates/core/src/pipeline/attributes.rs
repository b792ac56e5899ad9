//! The attributes that every log and every metric has (`protocol.md` §9.2): what is nearest to it wins.

use watchpost_protocol::{AttributeValue, Attributes, User};

use crate::batch::Snapshots;
use crate::config::Config;
use crate::fields::FieldValue;

/// Adds one that is known already as a field; what has no JSON is text.
pub(super) fn insert(attributes: &mut Attributes, key: &str, value: FieldValue<'_>) {
    let value = match value {
        FieldValue::Bool(value) => value.into(),
        FieldValue::I64(value) => value.into(),
        FieldValue::U64(value) => value.into(),
        FieldValue::F64(value) if value.is_finite() => value.into(),
        FieldValue::F64(value) => AttributeValue::String(value.to_string()),
        FieldValue::Str(value) => value.into(),
    };
    attributes.insert(key.to_owned(), value);
}

/// Adds what the scopes and the client know, to what is there already.
pub(super) fn fill(attributes: &mut Attributes, scopes: &Snapshots, config: &Config) {
    for (key, value) in scopes.iter().flat_map(|scope| &scope.attributes) {
        default(attributes, key, || value.clone());
    }
    if let Some(user) = scopes.iter().find_map(|scope| scope.user.as_ref()) {
        who(attributes, user);
    }
    for (key, value) in &config.attributes {
        default(attributes, key, || value.as_str().into());
    }
}

/// What the program said of its user is sent as it asked.
fn who(attributes: &mut Attributes, user: &User) {
    for (key, value) in [("user.id", &user.id), ("user.name", &user.username), ("user.email", &user.email)] {
        if let Some(value) = value {
            default(attributes, key, || value.as_str().into());
        }
    }
}

fn default(attributes: &mut Attributes, key: &str, value: impl FnOnce() -> AttributeValue) {
    if !attributes.contains_key(key) {
        attributes.insert(key.to_owned(), value());
    }
}
