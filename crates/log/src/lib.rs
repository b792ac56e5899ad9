//! A bridge from the log crate to Watchpost.
