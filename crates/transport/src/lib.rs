//! How Watchpost sends: an HTTP transport, and a console that draws issues and traces.
