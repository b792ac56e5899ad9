//! Capture for Watchpost: scopes, spans, sampling, the pipeline and the outbox.
