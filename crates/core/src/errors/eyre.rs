//! `eyre::Report`, which is no error itself but has one. What its handler keeps is the handler's own: of the one that `eyre` brings, the
//! backtrace stands at the end of what it prints.

use super::view::{AsError, Printout, View, kind};

impl AsError<kind::Report> for ::eyre::Report {
    fn view(&self) -> View<'_> {
        let own = self.handler().is::<::eyre::DefaultHandler>();
        View { backtrace: own.then_some(Printout::In(self)), ..View::erased(&**self) }
    }
}
