//! What of logs and metrics is sent.

use std::sync::Arc;

use watchpost_protocol::{Log, Metric};

use super::Options;

impl Options {
    /// Whether logs are sent: those of `watchpost::logger`, and those that a layer or a bridge makes of what it hears, if it was told to.
    /// Default: true.
    pub fn enable_logs(mut self, enabled: bool) -> Self {
        self.enable_logs = enabled;
        self
    }

    /// Sees every log last, on the worker: with all its attributes, and scrubbed. `None` drops it, and so does a panic; both are counted as
    /// `before_send`, by logs and by bytes. Default: none.
    pub fn before_send_log(mut self, hook: impl Fn(Log) -> Option<Log> + Send + Sync + 'static) -> Self {
        self.before_send_log = Some(Arc::new(hook));
        self
    }

    /// Whether metrics are sent. Default: true.
    pub fn enable_metrics(mut self, enabled: bool) -> Self {
        self.enable_metrics = enabled;
        self
    }

    /// Sees every metric last; as [`before_send_log`](Self::before_send_log). Default: none.
    pub fn before_send_metric(
        mut self,
        hook: impl Fn(Metric) -> Option<Metric> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_metric = Some(Arc::new(hook));
        self
    }
}
