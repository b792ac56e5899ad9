//! What a transaction is called: a text, or whatever its request says when somebody asks.

use std::borrow::Cow;
use std::sync::Arc;

use watchpost_protocol::TransactionSource;

use crate::scope::RequestSource;
use crate::unharmed::unharmed;

/// The name of a transaction.
#[derive(Clone)]
pub enum Name {
    /// As it is.
    Text(Cow<'static, str>),
    /// That of a request. It is printed when somebody asks, which of most traces that are not sampled nobody does.
    OfRequest(Arc<dyn RequestSource>),
}

/// What has to be known of a root at once, because samplers and other processes are told.
#[derive(Debug, Clone)]
pub struct RootName {
    /// The name of the transaction.
    pub name: Name,
    /// Its operation.
    pub op: Option<Cow<'static, str>>,
    /// What the name is.
    pub source: TransactionSource,
}

impl Name {
    /// The text; empty if the request panics when it is asked.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Name::Text(text) => Cow::Borrowed(text),
            Name::OfRequest(request) => unharmed(|| request.name()).unwrap_or_default().into(),
        }
    }

    /// As [`text`](Self::text), for who has no further use for the name.
    #[must_use]
    pub fn into_text(self) -> Cow<'static, str> {
        match self {
            Name::Text(text) => text,
            Name::OfRequest(_) => self.text().into_owned().into(),
        }
    }

    /// How much memory it has taken beside its scope, in bytes: a request is the scope's.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Name::Text(text) => text.len(),
            Name::OfRequest(_) => 0,
        }
    }
}

/// Whether a name of this kind is one that a layer found, of the path or of a part of the route. Any other is the program's, which knows better.
pub(crate) fn gives_way_to_route(source: TransactionSource) -> bool {
    matches!(source, TransactionSource::Url | TransactionSource::Route)
}

impl<T: Into<Cow<'static, str>>> From<T> for Name {
    fn from(text: T) -> Self {
        Name::Text(text.into())
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(f)
    }
}
