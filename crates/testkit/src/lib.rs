//! Test your own instrumentation: a recording transport, and traces drawn as text.
