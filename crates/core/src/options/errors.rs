//! What of errors, messages and breadcrumbs is captured.

use std::error::Error;
use std::sync::Arc;

use watchpost_protocol::{Breadcrumb, Event};

use super::Options;
use crate::error::InitError;
use crate::pattern::Pattern;
use crate::sampling::SampleRate;

impl Options {
    /// The share of error events that is kept; transactions are not concerned. Default: `SENTRY_SAMPLE_RATE`, else 1.0.
    ///
    /// # Errors
    /// [`InitError::SampleRate`] for what is not a number between 0 and 1.
    pub fn sample_rate(mut self, rate: f64) -> Result<Self, InitError> {
        self.sample_rate = Some(SampleRate::try_from(rate)?);
        Ok(self)
    }

    /// Says of each error event which share of its like is kept, in the place of [`sample_rate`](Self::sample_rate): 1.0 keeps it, 0.0 drops
    /// it, counted as `sample_rate`. It is asked last, on the worker, after `before_send`. What is no share, and a panic, keeps the event.
    /// Default: none.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::Options;
    ///
    /// let options = Options::new().error_sampler(|event| match event.transaction.as_deref() {
    ///     Some("GET /health") => 0.01,
    ///     _ => 1.0,
    /// });
    /// ```
    pub fn error_sampler(mut self, share: impl Fn(&Event) -> f64 + Send + Sync + 'static) -> Self {
        self.error_sampler = Some(Arc::new(share));
        self
    }

    /// Errors of this type are not captured, wherever they stand in a chain of causes and whoever captures it; they are counted as
    /// `event_processor`. Default: none.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// let options = watchpost::Options::new().ignore_error::<std::fmt::Error>();
    /// ```
    pub fn ignore_error<E: Error + 'static>(self) -> Self {
        self.ignore_error_if(|_: &E| true)
    }

    /// As [`ignore_error`](Self::ignore_error), for those of which `unwanted` says so. It runs where the error is captured; one that
    /// panics has said no.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use std::io::{Error, ErrorKind};
    ///
    /// // `shop | head` closes its end: nobody has to know.
    /// let options =
    ///     watchpost::Options::new().ignore_error_if(|error: &Error| error.kind() == ErrorKind::BrokenPipe);
    /// ```
    pub fn ignore_error_if<E: Error + 'static>(
        mut self,
        unwanted: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.error_hooks.ignore(unwanted);
        self
    }

    /// As [`ignore_error`](Self::ignore_error), by name: that of the captured error as it stands on the issue, `io::Error` or
    /// `Payment::Declined`, or with its module, `shop::cart::Payment`. An enum without a variant is all of them. The whole name has to match, in which `*`
    /// stands for anything. Default: none.
    pub fn ignore_errors<P: Into<Pattern>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.error_hooks.ignore_names(names);
        self
    }

    /// Whether what comes as an error and is no failure is not captured; it is counted as `event_processor`. That is, wherever
    /// it stands in a chain of causes:
    ///
    /// - a task of tokio's that was cancelled, `JoinError::Cancelled`;
    /// - the help and the version of a program, which clap returns as errors;
    /// - the panic of a `println!` whose reader has closed the pipe, as in `shop | head`; and an error that says so, where it is the one with which
    ///   `main` ends ([`report_main`](crate::api::report_main)). Elsewhere it may be a connection's.
    ///
    /// Default: true.
    pub fn default_ignores(mut self, ignore: bool) -> Self {
        self.default_ignores = ignore;
        self
    }

    /// Says more about errors of this type, wherever they stand in a chain of causes: a fingerprint, tags, a level. It runs
    /// where the error is captured, while it is at hand, and has an event of its own to fill in; what the program says at the capture
    /// wins over it, and it wins over the scopes. One that panics has said nothing. Default: none.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::Options;
    ///
    /// let options = Options::new().on_error(|error: &std::io::Error, event| {
    ///     event.tags.insert("io.kind".into(), format!("{:?}", error.kind()));
    ///     if error.kind() == std::io::ErrorKind::TimedOut {
    ///         event.fingerprint = vec!["network-timeout".into()];
    ///     }
    /// });
    /// ```
    pub fn on_error<E: Error + 'static>(
        mut self,
        say: impl Fn(&E, &mut Event) + Send + Sync + 'static,
    ) -> Self {
        self.error_hooks.on(say);
        self
    }

    /// Adds a step that sees every event on the worker, once the scopes are merged into it and before the processors of the scopes. `None`
    /// drops it, and so does a panic; both are counted as `event_processor`. Default: none.
    pub fn event_processor(mut self, step: impl Fn(Event) -> Option<Event> + Send + Sync + 'static) -> Self {
        self.event_processors.push(Arc::new(step));
        self
    }

    /// Sees every error event last, on the worker: finished, scrubbed and symbolicated. `None` drops it, and so does a panic; both are
    /// counted as `before_send`. Default: none.
    ///
    /// Other SDKs hand over a hint with the original error here. An error is borrowed from whoever captures it and cannot come along to the worker;
    /// what needs it is said by [`on_error`](Self::on_error) and [`ignore_error_if`](Self::ignore_error_if), where it is at hand.
    pub fn before_send(mut self, hook: impl Fn(Event) -> Option<Event> + Send + Sync + 'static) -> Self {
        self.before_send = Some(Arc::new(hook));
        self
    }

    /// Whether messages and events without an error carry the stack of the caller too; errors always do. Default: false.
    pub fn attach_stacktrace(mut self, attach: bool) -> Self {
        self.attach_stacktrace = attach;
        self
    }

    /// How many bytes of a message or an exception's value are sent; `None`: all. Default: 100 000.
    pub fn max_value_length(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_value_length = bytes.into();
        self
    }

    /// How deep data may be nested in an event's extra, its breadcrumbs, the variables of frames and the body of a request; what is deeper is
    /// sent as text. `_meta` says where. Default: 5.
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// How many entries a map or a list may have there; the rest is cut, and `_meta` says how many there were. Maps that the program fills by
    /// name (extra itself, the data of a breadcrumb, the variables of a frame) have no such limit. Default: 10.
    pub fn max_breadth(mut self, entries: usize) -> Self {
        self.max_breadth = entries;
        self
    }

    /// How many bytes an event may have as JSON. Of a larger one there goes, until it fits: the older half of the breadcrumbs, and again, until
    /// none is left; the body of the request; the lines of source around frames and the variables of frames; extra; contexts of the
    /// program's own; the middle of stacks; all but the beginning of texts. `_meta` says what. Of a larger transaction
    /// there goes the body, extra, and contexts; what its spans say is not cut. Default: 1 000 000, somewhat less than the server takes.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// How many bytes an [`Attachment`](crate::Attachment) may have; a larger one is left out, and counted as `invalid`. Default: 20 MiB.
    pub fn max_attachment_size(mut self, bytes: usize) -> Self {
        self.max_attachment_size = bytes;
        self
    }

    /// Whether the fields of the spans around an error stand on its innermost frame, as the variables that Rust does not
    /// have: of traces that are recorded. Default: true.
    pub fn include_local_variables(mut self, include: bool) -> Self {
        self.include_local_variables = include;
        self
    }

    /// How many lines of source before and after its own go with a frame of the program's own, where the source files are there: on a machine
    /// that builds and runs the program. 0: none. Default: 5.
    pub fn context_lines(mut self, lines: usize) -> Self {
        self.context_lines = lines;
        self
    }

    /// Crates or modules whose frames are the program's own, besides those found by themselves. Default: none.
    pub fn in_app_include<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_include = modules.into_iter().map(Into::into).collect();
        self
    }

    /// Crates or modules whose frames are not the program's own. Default: none.
    pub fn in_app_exclude<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.in_app_exclude = modules.into_iter().map(Into::into).collect();
        self
    }

    /// How many breadcrumbs a scope keeps; 0 switches them off. Default: 100.
    pub fn max_breadcrumbs(mut self, count: usize) -> Self {
        self.max_breadcrumbs = count;
        self
    }

    /// Sees every breadcrumb when it is added, on the thread that adds it and under no lock. `None` drops it, and so does a panic.
    /// Default: none.
    pub fn before_breadcrumb(
        mut self,
        hook: impl Fn(Breadcrumb) -> Option<Breadcrumb> + Send + Sync + 'static,
    ) -> Self {
        self.before_breadcrumb = Some(Arc::new(hook));
        self
    }
}
