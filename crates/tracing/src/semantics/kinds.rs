//! The kinds of spans that the conventions know: by what each is told from the others, its operation, and its name.

use std::borrow::Cow;

use watchpost_core::layer::SpanData;
use watchpost_protocol::TransactionSource::{self, Custom, Route, Task, Url};

use super::attributes::Attributes;
use super::template::render;

/// A kind of span. Of a span, the first kind holds whose conditions are all met.
#[derive(Debug)]
pub(crate) struct Kind {
    when: &'static [When],
    /// The operation (`protocol.md` §6.6): the first whose attributes are there.
    ops: &'static [&'static str],
    /// Names that say more than `otel.name`: the text of a query, say.
    better: &'static [Name],
    /// Names for a span without `otel.name`.
    names: &'static [Name],
    /// What `otel.name` is when it says nothing that a name of ours would not.
    poor: &'static [&'static str],
    /// Whether somebody else asked for this work: its peer is a client.
    pub(crate) incoming: bool,
}

/// A condition.
#[derive(Debug)]
enum When {
    /// One of these attributes is there.
    Has(Keys),
    /// This one is not.
    Lacks(&'static str),
    /// This attribute has one of these values, in any case.
    Is(Keys, &'static [&'static str]),
}

/// Attributes, and the bits that say that none of them is there.
#[derive(Debug)]
struct Keys(&'static [&'static str], u64);

const fn has(keys: &'static [&'static str]) -> When {
    When::Has(Keys(keys, SpanData::bits(keys)))
}

const fn is(key: &'static [&'static str; 1], values: &'static [&'static str]) -> When {
    When::Is(Keys(key, SpanData::bits(key)), values)
}

/// A name made of attributes, and what it is as the name of a transaction.
type Name = (&'static str, TransactionSource);

use When::Lacks;

const CLIENT: When = is(&["otel.kind"], &["client"]);
const SERVER: When = is(&["otel.kind"], &["server"]);

/// What the rows below do not say.
const ANY: Kind = Kind { when: &[], ops: &[], better: &[], names: &[], poor: &[], incoming: false };

/// A query, its summary, or what it does to what.
const DB: Kind = Kind {
    better: &[("{db.query.text}", Custom), ("{db.query.summary}", Custom)],
    names: &[("{db.operation.name} {db.collection.name}", Custom)],
    ..ANY
};

const HTTP_CLIENT: Kind = Kind {
    ops: &["http.client"],
    names: &[
        ("{http.request.method} {url.full}", Url),
        ("{http.request.method} {url.scheme}://{server.address}:{server.port}{url.path}", Url),
        ("{http.request.method} {url.scheme}://{server.address}:{server.port}", Url),
        ("{http.request.method} {url.scheme}://{server.address}", Url),
        ("{http.request.method} {server.address}", Url),
    ],
    poor: &["{http.request.method}", "HTTP {http.request.method}"],
    ..ANY
};

const HTTP_SERVER: Kind = Kind {
    ops: &["http.server"],
    names: &[("{http.request.method} {http.route}", Route), ("{http.request.method} {url.path}", Url)],
    poor: &["{http.request.method}", "HTTP {http.request.method}"],
    incoming: true,
    ..ANY
};

const RPC: Kind = Kind { names: &[("{rpc.service}/{rpc.method}", Route), ("{rpc.method}", Route)], ..ANY };

const QUEUE: Kind = Kind { names: &[("{messaging.destination.name}", Task)], ..ANY };

const MESSAGE: When = has(&["messaging.system", "messaging.destination.name", "messaging.operation.type"]);
const OPERATION: &str = "gen_ai.operation.name";

/// The table. What is special stands before what is general: a query over HTTP is a query.
static KINDS: &[Kind] = &[
    // What is done with models (§17.1).
    Kind {
        when: &[is(&[OPERATION], &["invoke_agent", "create_agent"])],
        ops: &["gen_ai.{gen_ai.operation.name}"],
        names: &[
            ("{gen_ai.operation.name} {gen_ai.agent.name}", Custom),
            ("{gen_ai.operation.name}", Custom),
        ],
        ..ANY
    },
    Kind {
        when: &[is(&[OPERATION], &["execute_tool"])],
        ops: &["gen_ai.execute_tool"],
        names: &[("execute_tool {gen_ai.tool.name}", Custom)],
        ..ANY
    },
    Kind {
        when: &[has(&[OPERATION])],
        ops: &["gen_ai.{gen_ai.operation.name}"],
        names: &[
            ("{gen_ai.operation.name} {gen_ai.request.model}", Custom),
            ("{gen_ai.operation.name} {gen_ai.response.model}", Custom),
            ("{gen_ai.operation.name}", Custom),
        ],
        ..ANY
    },
    // Databases (§18.3, §18.4).
    Kind { when: &[is(&["db.system.name"], &["redis"])], ops: &["db.redis"], ..DB },
    Kind {
        when: &[has(&["db.system.name", "db.query.text", "db.query.summary", "db.operation.name"])],
        ops: &["db"],
        ..DB
    },
    // Queues (§18.5).
    Kind { when: &[MESSAGE, is(&["otel.kind"], &["producer"])], ops: &["queue.publish"], ..QUEUE },
    Kind {
        when: &[is(&["messaging.operation.type"], &["publish", "send"])],
        ops: &["queue.publish"],
        ..QUEUE
    },
    Kind { when: &[is(&["messaging.operation.type"], &["create"])], ops: &["queue.create"], ..QUEUE },
    Kind { when: &[is(&["messaging.operation.type"], &["receive"])], ops: &["queue.receive"], ..QUEUE },
    Kind { when: &[is(&["messaging.operation.type"], &["settle"])], ops: &["queue.settle"], ..QUEUE },
    Kind {
        when: &[is(&["messaging.operation.type"], &["process", "deliver"])],
        ops: &["queue.process"],
        ..QUEUE
    },
    Kind { when: &[MESSAGE, is(&["otel.kind"], &["consumer"])], ops: &["queue.process"], ..QUEUE },
    // Remote procedure calls.
    Kind {
        when: &[is(&["rpc.system.name"], &["grpc"]), SERVER],
        ops: &["grpc.server"],
        incoming: true,
        ..RPC
    },
    Kind { when: &[is(&["rpc.system.name"], &["grpc"]), CLIENT], ops: &["grpc.client"], ..RPC },
    Kind { when: &[has(&["rpc.system.name"]), SERVER], ops: &["rpc"], incoming: true, ..RPC },
    Kind { when: &[has(&["rpc.system.name", "rpc.service"])], ops: &["rpc"], ..RPC },
    // HTTP (§18.1, §18.2). Without `otel.kind`, a whole URL is what one asks for, and a route or a path what one is asked for.
    Kind { when: &[has(&["http.request.method"]), CLIENT], ..HTTP_CLIENT },
    Kind { when: &[has(&["http.request.method"]), SERVER], ..HTTP_SERVER },
    Kind { when: &[has(&["http.request.method"]), has(&["url.full"]), Lacks("http.route")], ..HTTP_CLIENT },
    Kind { when: &[has(&["http.request.method"]), has(&["http.route", "url.path"])], ..HTTP_SERVER },
    // Functions as a service.
    Kind {
        when: &[has(&["faas.trigger", "faas.invocation_id", "faas.invoked_name", "faas.name"])],
        ops: &["function.{faas.invoked_provider}", "function.{cloud.provider}", "function"],
        names: &[("{faas.invoked_name}", Custom), ("{faas.name}", Custom)],
        ..ANY
    },
    // What says no more than which side it is on.
    Kind { when: &[is(&["otel.kind"], &["producer"])], ops: &["queue.publish"], ..ANY },
    Kind { when: &[is(&["otel.kind"], &["consumer"])], ops: &["queue.process"], ..ANY },
];

/// The kind of a span; `None` for plain work.
pub(crate) fn of<'a>(attributes: &impl Attributes<'a>) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.when.iter().all(|condition| condition.is_met(attributes)))
}

impl When {
    fn is_met<'a>(&self, attributes: &impl Attributes<'a>) -> bool {
        match *self {
            When::Has(Keys(keys, bits)) => {
                attributes.may_have(bits) && keys.iter().any(|key| attributes.has(key))
            }
            Lacks(key) => !attributes.has(key),
            When::Is(Keys(keys, bits), values) => {
                let among =
                    |found: Cow<'_, str>| values.iter().any(|value| found.eq_ignore_ascii_case(value));
                attributes.may_have(bits) && keys.iter().any(|key| attributes.text(key).is_some_and(among))
            }
        }
    }
}

impl Kind {
    /// The operations that it has, as they are in the table.
    pub(crate) fn ops(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.ops.iter().copied()
    }

    pub(crate) fn op<'a>(&self, attributes: &impl Attributes<'a>) -> Option<Cow<'a, str>> {
        self.ops.iter().find_map(|op| render(op, attributes))
    }

    /// A name that is better than any that the maker of the span gave it.
    pub(crate) fn better<'a>(
        &self,
        attributes: &impl Attributes<'a>,
    ) -> Option<(Cow<'a, str>, TransactionSource)> {
        first(self.better, attributes)
    }

    /// A name for a span that was given none.
    pub(crate) fn name<'a>(
        &self,
        attributes: &impl Attributes<'a>,
    ) -> Option<(Cow<'a, str>, TransactionSource)> {
        first(self.names, attributes)
    }

    /// Whether a name that the span was given says nothing.
    pub(crate) fn is_poor<'a>(&self, name: &str, attributes: &impl Attributes<'a>) -> bool {
        self.poor.iter().any(|poor| render(poor, attributes).is_some_and(|poor| poor == name))
    }
}

fn first<'a>(names: &[Name], attributes: &impl Attributes<'a>) -> Option<(Cow<'a, str>, TransactionSource)> {
    names.iter().find_map(|&(template, source)| Some((render(template, attributes)?, source)))
}
