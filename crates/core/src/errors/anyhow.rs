//! `anyhow::Error`, which is no error itself but has one.

use super::view::{AsError, Printout, View, kind};

impl AsError<kind::Report> for ::anyhow::Error {
    fn view(&self) -> View<'_> {
        View { backtrace: Some(Printout::Of(self.backtrace())), ..View::erased(&**self) }
    }
}
