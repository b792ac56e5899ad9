//! What some libraries do in a way of their own: one row for each.
//!
//! A row says what the spans of a library mean beyond the conventions, from which level on they are wanted, and what its events stand for. The
//! names in it were read in the library's source, in the version that the row names.

use std::cell::Cell;
use std::ptr;

use tracing_core::{Level, Metadata};
use watchpost_core::layer::SpanData;

use crate::renames::{Rename, rename, target};

/// What makes the spans of no library (`protocol.md` §6.6).
pub(crate) const ORIGIN: &str = "auto.function.tracing";

/// A library, or a part of one.
#[derive(Debug)]
pub(crate) struct Library {
    /// With what the targets of its spans and events begin.
    target: &'static str,
    /// With what their names begin.
    name: &'static str,
    /// What its spans are made by (`protocol.md` §6.6).
    pub(crate) origin: &'static str,
    /// The operation of a span whose attributes do not say.
    pub(crate) op: Option<&'static str>,
    /// The name of a span whose attributes do not say, made of them.
    pub(crate) named: Option<&'static str>,
    /// What its fields are called in the conventions.
    pub(crate) renames: &'static [Rename],
    /// What the conventions say and it leaves out.
    pub(crate) adds: &'static [(&'static str, &'static str)],
    spans: Spans,
    /// What its events stand for: those with this very target.
    events: Option<Events>,
}

/// Which spans below INFO are wanted.
#[derive(Debug, Clone, Copy)]
enum Spans {
    /// Those that the layer takes at their level.
    ByLevel,
    /// Those at DEBUG count as INFO: what they tell is for whoever runs the program.
    AsInfo,
    /// None. They last as long as a connection does, and belong to no work.
    Never,
}

/// What events stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Events {
    /// A query that has ended: a `db` span, and a breadcrumb. At DEBUG it counts as INFO.
    Query,
    /// How the request ended that the span is of: that span is told. Never an issue.
    Outcome,
    /// That the work failed; the field says with what. An issue unless the work has reported one.
    Failure(&'static str),
}

/// What a row does not say.
const ANY: Library = Library {
    target: "",
    name: "",
    origin: ORIGIN,
    op: None,
    named: None,
    renames: &[],
    adds: &[],
    spans: Spans::ByLevel,
    events: None,
};

const SERVER: (&str, &str) = ("otel.kind", "server");

/// The table. Of several rows that match, the first holds.
static LIBRARIES: &[Library] = &[
    // apalis 1.0: a span `task` (DEBUG) for each task; its event `task.failed` (ERROR) says the error in `result`.
    Library { target: "apalis::layers::tracing::on_failure", events: Some(Events::Failure("result")), ..ANY },
    Library {
        target: "apalis::layers::tracing::",
        name: "task",
        origin: "auto.queue.apalis",
        op: Some("queue.process"),
        renames: &[rename("task_id", "messaging.message.id")],
        adds: &[("messaging.system", "apalis"), ("otel.kind", "consumer")],
        spans: Spans::AsInfo,
        ..ANY
    },
    // async-graphql 7.2, extension `Tracing`. The document has the values of its variables in it.
    Library {
        target: "async_graphql::graphql",
        name: "parse",
        origin: "auto.graphql.async_graphql",
        op: Some("graphql.parse"),
        renames: &[rename("source", "graphql.document")],
        ..ANY
    },
    Library {
        target: "async_graphql::graphql",
        name: "validation",
        origin: "auto.graphql.async_graphql",
        op: Some("graphql.validate"),
        ..ANY
    },
    Library {
        target: "async_graphql::graphql",
        name: "execute",
        origin: "auto.graphql.async_graphql",
        op: Some("graphql.execute"),
        ..ANY
    },
    Library {
        target: "async_graphql::graphql",
        name: "field",
        origin: "auto.graphql.async_graphql",
        op: Some("graphql.resolve"),
        named: Some("{path}"),
        ..ANY
    },
    Library {
        target: "async_graphql::graphql",
        name: "subscribe",
        origin: "auto.graphql.async_graphql",
        op: Some("graphql.subscription"),
        ..ANY
    },
    Library { target: "async_graphql::graphql", origin: "auto.graphql.async_graphql", ..ANY },
    // The AWS SDK: `S3.GetObject` (DEBUG), with `rpc.*`.
    Library { target: "aws_sdk_", origin: "auto.rpc.aws", spans: Spans::AsInfo, ..ANY },
    // clickhouse 0.15 says `db.system.name` with its feature `opentelemetry` only.
    Library {
        target: "clickhouse::",
        name: "clickhouse.",
        origin: "auto.db.clickhouse",
        op: Some("db"),
        ..ANY
    },
    Library { target: "clickhouse::", origin: "auto.db.clickhouse", ..ANY },
    Library { target: "diesel_tracing::", origin: "auto.db.diesel", ..ANY },
    Library { target: "genai::", origin: "auto.ai.genai", ..ANY },
    // h2 0.4: `Connection` (DEBUG, `parent: None`), and one (TRACE) for each frame.
    Library { target: "h2::", spans: Spans::Never, ..ANY },
    // lambda_runtime 1.5: `Lambda runtime invoke`, and with its OpenTelemetry layer `Lambda function invocation` with `faas.*`.
    Library {
        target: "lambda_runtime::",
        name: "Lambda ",
        origin: "auto.function.lambda_runtime",
        renames: &[rename("requestId", "faas.invocation_id")],
        adds: &[("cloud.provider", "aws")],
        ..ANY
    },
    // langchain-rust 7.0
    Library {
        target: "langchain_rust::",
        name: "llm.generate",
        origin: "auto.ai.langchain_rust",
        renames: LANGCHAIN,
        adds: &[("gen_ai.operation.name", "chat")],
        ..ANY
    },
    Library {
        target: "langchain_rust::",
        name: "embed.",
        origin: "auto.ai.langchain_rust",
        renames: LANGCHAIN,
        adds: &[("gen_ai.operation.name", "embeddings")],
        ..ANY
    },
    Library {
        target: "langchain_rust::",
        name: "tool.call",
        origin: "auto.ai.langchain_rust",
        renames: LANGCHAIN,
        adds: &[("gen_ai.operation.name", "execute_tool")],
        ..ANY
    },
    Library {
        target: "langchain_rust::",
        name: "agent.run",
        origin: "auto.ai.langchain_rust",
        renames: LANGCHAIN,
        adds: &[("gen_ai.operation.name", "invoke_agent")],
        ..ANY
    },
    Library { target: "langchain_rust::", origin: "auto.ai.langchain_rust", renames: LANGCHAIN, ..ANY },
    // loco 1.2: `http-request` (ERROR).
    Library { target: "loco_rs::", name: "http-request", origin: "auto.http.loco", adds: &[SERVER], ..ANY },
    // poem 3.1: `request`.
    Library {
        target: "poem::middleware::tracing_mw",
        origin: "auto.http.poem",
        renames: &[
            rename("method", "http.request.method"),
            target("uri"),
            rename("version", "network.protocol.version"),
            rename("remote_addr", "client.address"),
        ],
        adds: &[SERVER],
        ..ANY
    },
    // reqwest-tracing 0.7: `HTTP request`.
    Library { target: "reqwest_tracing::", origin: "auto.http.reqwest", ..ANY },
    Library { target: "rig::", origin: "auto.ai.rig", ..ANY },
    // sea-orm 2.0: `sea_orm.query_one` and its like. What sqlx says in them is the same query.
    Library { target: "sea_orm::", origin: "auto.db.sea_orm", ..ANY },
    // sqlx 0.9 makes no span, but an event (DEBUG; WARN if it was slow) when a query has ended.
    Library {
        target: "sqlx::query",
        origin: "auto.db.sqlx",
        op: Some("db"),
        spans: Spans::AsInfo,
        events: Some(Events::Query),
        ..ANY
    },
    Library { target: "sqlx_tracing::", origin: "auto.db.sqlx", ..ANY },
    // tower-http 0.7, `TraceLayer`: `request` (DEBUG), then `on_response` (DEBUG), and `on_failure` (ERROR) which says the same for every
    // failure.
    Library { target: "tower_http::trace::on_failure", events: Some(Events::Outcome), ..ANY },
    Library { target: "tower_http::trace::on_response", events: Some(Events::Outcome), ..ANY },
    Library {
        target: "tower_http::trace::make_span",
        origin: "auto.http.tower_http",
        renames: &[
            rename("method", "http.request.method"),
            target("uri"),
            rename("version", "network.protocol.version"),
        ],
        adds: &[SERVER],
        ..ANY
    },
    // tracing-actix-web 0.7: `HTTP request`.
    Library { target: "tracing_actix_web::", origin: "auto.http.actix_web", ..ANY },
    // warp 0.4: `request`.
    Library {
        target: "warp::filters::trace",
        origin: "auto.http.warp",
        renames: &[
            rename("method", "http.request.method"),
            target("path"),
            rename("version", "network.protocol.version"),
            rename("remote.addr", "client.address"),
        ],
        adds: &[SERVER],
        ..ANY
    },
];

const LANGCHAIN: &[Rename] = &[
    rename("provider", "gen_ai.provider.name"),
    rename("model", "gen_ai.request.model"),
    rename("stream", "gen_ai.response.streaming"),
    rename("prompt_tokens", "gen_ai.usage.input_tokens"),
    rename("completion_tokens", "gen_ai.usage.output_tokens"),
    rename("total_tokens", "gen_ai.usage.total_tokens"),
    rename("tool", "gen_ai.tool.name"),
    rename("chain", "gen_ai.pipeline.name"),
    rename("error", "error.message"),
];

/// The lengths of the targets whose events stand for something, as bits.
const TELLING: u64 = {
    let (mut lengths, mut at) = (0, 0);
    while at < LIBRARIES.len() {
        if LIBRARIES[at].events.is_some() {
            lengths |= 1 << LIBRARIES[at].target.len();
        }
        at += 1;
    }
    lengths
};

/// Whether an event may stand for something else. An event that nobody wants is asked this and nothing more, so it has to cost nothing: the
/// length of its target tells almost all of them apart.
pub(crate) fn may_tell(metadata: &Metadata<'_>) -> bool {
    let length = metadata.target().len();
    length < 64 && TELLING >> length & 1 == 1
}

/// What an event stands for, if it stands for something else than itself.
pub(crate) fn told_by(metadata: &'static Metadata<'static>) -> Option<Events> {
    if may_tell(metadata) { of(metadata)?.events } else { None }
}

/// As being of which level an event counts.
pub(crate) fn event_level(metadata: &'static Metadata<'static>) -> Level {
    match (told_by(metadata), *metadata.level()) {
        (Some(Events::Query), Level::DEBUG) => Level::INFO,
        (_, level) => level,
    }
}

/// At which level a span below INFO is wanted; `None` if it never is.
pub(crate) fn span_level(metadata: &'static Metadata<'static>) -> Option<Level> {
    match (of(metadata).map_or(Spans::ByLevel, |library| library.spans), *metadata.level()) {
        (Spans::Never, _) => None,
        (Spans::AsInfo, Level::DEBUG) => Some(Level::INFO),
        (Spans::AsInfo | Spans::ByLevel, level) => Some(level),
    }
}

const REMEMBERED: usize = 64;

thread_local! {
    /// What this thread has found out about callsites, by their addresses: they live as long as the program does.
    static CALLSITES: [Cell<(usize, Option<&'static Library>)>; REMEMBERED] =
        const { [const { Cell::new((0, None)) }; REMEMBERED] };
}

/// The row of a callsite, if there is one. The table is searched once per callsite and thread.
pub(crate) fn of(metadata: &'static Metadata<'static>) -> Option<&'static Library> {
    let address = ptr::from_ref(metadata).addr();
    let remembered = CALLSITES.try_with(|callsites| {
        let callsite = &callsites[(address >> 4) % REMEMBERED];
        match callsite.get() {
            (known, library) if known == address => library,
            _ => {
                let library = search(metadata);
                callsite.set((address, library));
                library
            }
        }
    });
    remembered.unwrap_or_else(|_| search(metadata))
}

fn search(metadata: &Metadata<'_>) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| {
        metadata.target().starts_with(library.target) && metadata.name().starts_with(library.name)
    })
}

impl Library {
    /// Gives the fields of a span the names that they have in the conventions.
    pub(crate) fn write_to(&self, data: &mut SpanData<'_>) {
        for rename in self.renames {
            rename.apply(data);
        }
        for (key, value) in self.adds {
            data.insert_new(key, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_stands_behind_one_that_takes_everything_from_it() {
        for (at, row) in LIBRARIES.iter().enumerate() {
            assert!(!row.target.is_empty(), "a row is of one library");
            let hidden = LIBRARIES[..at]
                .iter()
                .find(|before| row.target.starts_with(before.target) && row.name.starts_with(before.name));
            assert!(hidden.is_none(), "{} {:?}", row.target, row.name);
        }
    }
}
