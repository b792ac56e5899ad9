//! The request layer under services, most of them of axum, in process or over loopback: a unit of work, a continued trace, a transaction and at most
//! one issue per request.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and handlers fail on purpose"
)]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod cost;
mod grpc;
mod isolation;
mod issues;
mod jobs;
mod memory;
mod names;
mod outcomes;
mod request_data;
mod shop;
mod traces;
