//! Several errors at once (features E15).

use super::view::{AsError, View, kind};

/// Several errors that are reported as one, with a message; made for
/// [`capture_group`](crate::api::capture_group).
#[derive(Debug)]
pub struct Group<'a> {
    message: &'a str,
    errors: Vec<View<'a>>,
}

impl<'a> Group<'a> {
    /// A group of these errors.
    pub fn new<K, E>(message: &'a str, errors: impl IntoIterator<Item = &'a E>) -> Self
    where
        E: AsError<K> + ?Sized + 'a,
    {
        Group { message, errors: errors.into_iter().map(AsError::view).collect() }
    }

    /// Whether there is no error in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn into_view(self) -> View<'a> {
        View::several(Some(self.message), "ErrorGroup", self.errors)
    }
}

impl<K, E: AsError<K>> AsError<kind::Several<K>> for [E] {
    fn view(&self) -> View<'_> {
        View::several(None, std::any::type_name::<Vec<E>>(), self.iter().map(AsError::view).collect())
    }
}

impl<K, E: AsError<K>> AsError<kind::Several<K>> for Vec<E> {
    fn view(&self) -> View<'_> {
        self.as_slice().view()
    }
}
