//! The tracing layer of Watchpost: spans become transactions, ERROR events become issues, INFO and WARN events become breadcrumbs, and
//! structured logs if you ask for them.
//!
//! ```
//! # mod watchpost { pub use watchpost_tracing as tracing; }
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(watchpost::tracing::layer()).init();
//! ```
//!
//! One layer does it all, and may be installed before or after `init`. A span carries the scopes it was created in: the user, the tags and the
//! breadcrumbs of a request follow it across `.await`, threads, `tokio::spawn(future.instrument(span))` and cancellation. For that
//! nothing of ours runs when a span is entered or left.
//!
//! `#[tracing::instrument]` is the decorator: `#[instrument(err)]` makes a span of a function, and an issue of an `Err` that it returns.
//!
//! # What becomes of what
//!
//! | from `tracing` | at level | becomes |
//! |---|---|---|
//! | event | ERROR | an issue; a field that is a `&dyn Error` is its exception chain |
//! | event | WARN, INFO | a breadcrumb |
//! | event | none, unless it is asked for with [`CaptureLayer::logs`] | a structured log, besides |
//! | span without a parent | INFO and above | a transaction, in an isolation scope of its own unless a request has one already |
//! | span with a parent | INFO and above | a child span |
//!
//! A span below INFO is as if it were not there: its children are its parent's, and what happens in it happens around it.
//!
//! # What the fields of a span mean
//!
//! The names of OpenTelemetry's semantic conventions are understood, today's and those of before, which are sent under the names of today.
//! All other fields are attributes as they are, with their types.
//!
//! | a span with | is | and is called |
//! |---|---|---|
//! | `sentry.op`, `sentry.name` | what the one says | what the other says |
//! | `gen_ai.operation.name` | `gen_ai.chat`, `gen_ai.embeddings`, `gen_ai.invoke_agent`, … | that, and the model, the agent or the tool: `chat gpt-5` |
//! | `db.system.name`, `db.query.text`, `db.query.summary` or `db.operation.name` | `db`; `db.redis` for Redis | the text of the query, else its summary, else the operation and the table |
//! | `messaging.*` | `queue.publish`, `queue.process`, `queue.receive`, `queue.settle` or `queue.create`, by `messaging.operation.type`, else by `otel.kind` | `messaging.destination.name` |
//! | `rpc.system.name` | `grpc.server`, `grpc.client`; `rpc` for another system, or without `otel.kind` | `service/method` |
//! | `http.request.method`, and `otel.kind` is `client` or there is a `url.full` and no `http.route` | `http.client` | `GET https://shop.example/carts`, without the query |
//! | `http.request.method`, and `otel.kind` is `server` or there is an `http.route` or a `url.path` | `http.server` | `GET /carts/{id}`; without a route, `GET /carts/17` |
//! | `faas.trigger`, `faas.name`, … | `function.aws`, `function.gcp`, …, or `function` | `faas.invoked_name`, else `faas.name` |
//! | `otel.kind` alone: `producer`, `consumer` | `queue.publish`, `queue.process` | as the span in the program |
//! | none of these | `function` | as the span in the program |
//!
//! The first row that fits holds. `otel.name` names a span, too, unless a query says more, or it is only the method of a request. What is
//! recorded late counts as well: a root that learns its `http.route` from the router is called by it. What the program sets by hand on the
//! span, with `watchpost::current_span()`, stays whatever the fields say.
//!
//! How it ended, from the first that says anything:
//!
//! | field | status |
//! |---|---|
//! | `http.response.status_code`, of 400 and above; `rpc.response.status_code` but 0 | what the code means: `not_found`, `unavailable`, … |
//! | `otel.status_code` | ERROR: `internal_error`; OK: `ok` |
//! | `error.type`, `error.message`, `exception.type`, `exception.message` | `internal_error` |
//! | the codes above, of success | `ok` |
//! | none of these | `internal_error` if there was an ERROR event in the span, or a panic; else `ok` |
//!
//! What people say to a model and it to them (`gen_ai.input.messages`, `gen_ai.tool.call.arguments` and their like), and the address of a
//! client, are sent as `[Filtered]` unless `send_default_pii` is on.
//!
//! `tags.*` of an event are tags of its issue.
//!
//! # What libraries say
//!
//! Whoever speaks the conventions is understood. Some need a rule of their own:
//!
//! | library | what it says | becomes |
//! |---|---|---|
//! | apalis | span `task`, at DEBUG | taken: `queue.process`, a transaction |
//! | | event `task.failed` | an issue with the error for its message, unless the task has reported one |
//! | async-graphql | spans of its `Tracing` extension | `graphql.parse`, `graphql.validate`, `graphql.execute`, `graphql.resolve`, `graphql.subscription` |
//! | AWS SDK | spans as `S3.GetObject`, at DEBUG | taken: `rpc` |
//! | clickhouse | spans `clickhouse.*` | `db` |
//! | h2 | spans `Connection` and below | never taken: a connection is no work |
//! | lambda_runtime | `Lambda runtime invoke`, `Lambda function invocation` | `function.aws` |
//! | langchain-rust | its own names | those of `gen_ai.*` |
//! | loco, poem, warp | their request spans | `http.server` |
//! | sqlx | no span, but an event for each query, at DEBUG; WARN for a slow one | a `db` span that has just ended, unless it is in one (sea-orm, sqlx-tracing); and a breadcrumb `query` |
//! | tower-http | span `request`, at DEBUG | `http.server`, if spans at DEBUG are taken; [the request layer][tower] does the same and more |
//! | | event of `on_failure`, at ERROR | a breadcrumb, and the status of its span; never an issue |
//! | | event of `on_response`, at DEBUG | the status of its span |
//!
//! diesel-tracing, genai, reqwest-tracing, rig, sea-orm, sqlx-tracing and tracing-actix-web speak the conventions; their spans also say who
//! made them, as `auto.db.sea_orm`. A filter in front of the layer that stops DEBUG stops what is at DEBUG in this table: let
//! `sqlx::query=debug` through, say. Levels that are set for a target with [`CaptureLayer::target`], and filters, say more than this table.
//!
//! [tower]: https://docs.rs/watchpost-tower
//!
//! # What it does not do
//!
//! It has no per-layer filter of its own, because each costs every span; it decides inside, by callsite. One around it works. A
//! `reload::Layer` around it does not, because nobody can look through it: spans and events are reported, and what is captured by hand does
//! not know which span it is in. Reload a filter instead. Values that are written into the
//! text of a query by the program stay in it. A mongodb command and a scylla request, which are events and TRACE spans, become no spans.

mod cache;
mod epoch;
mod event;
mod filter;
mod layer;
mod libraries;
mod library_events;
mod log_record;
mod mapper;
mod nodes;
mod place;
mod renames;
mod semantics;
#[cfg(feature = "tracing-error")]
mod span_trace;
mod visit;

pub use filter::{EventFilter, Levels};
pub use layer::{CaptureLayer, layer};
