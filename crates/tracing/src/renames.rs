//! Old names and today's (`protocol.md` §6.8 and §17.2).
//!
//! An attribute is renamed and not sent twice: every server that knows the conventions knows the names of today, and each attribute has its
//! price in bytes. If a span has both names, today's stays.

use watchpost_core::FieldValue;
use watchpost_core::layer::{SpanData, SpanValue};

/// What an attribute is called today.
#[derive(Debug)]
pub(crate) struct Rename {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) how: How,
}

/// What happens to the value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    /// It stays as it is.
    AsItIs,
    /// A request target, `/carts?page=2`: its query is an attribute of its own, `url.query`.
    Target,
    /// A host, which may have a port after it, `shop.example:8080`: that is `server.port`.
    Host,
}

/// A row in which the value stays.
pub(crate) const fn rename(from: &'static str, to: &'static str) -> Rename {
    Rename { from, to, how: How::AsItIs }
}

/// A row in which the value is a request target.
pub(crate) const fn target(from: &'static str) -> Rename {
    Rename { from, to: "url.path", how: How::Target }
}

/// Sorted by the old name.
static RENAMES: &[Rename] = &[
    rename("code.filepath", "code.file.path"),
    rename("code.lineno", "code.line.number"),
    rename("db.mongodb.collection", "db.collection.name"),
    rename("db.name", "db.namespace"),
    rename("db.operation", "db.operation.name"),
    rename("db.sql.table", "db.collection.name"),
    rename("db.statement", "db.query.text"),
    rename("db.system", "db.system.name"),
    rename("gen_ai.request.available_tools", "gen_ai.tool.definitions"),
    rename("gen_ai.request.messages", "gen_ai.input.messages"),
    rename("gen_ai.response.text", "gen_ai.output.messages"),
    rename("gen_ai.system", "gen_ai.provider.name"),
    rename("gen_ai.tool.input", "gen_ai.tool.call.arguments"),
    rename("gen_ai.tool.message", "gen_ai.tool.call.result"),
    rename("gen_ai.tool.output", "gen_ai.tool.call.result"),
    rename("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
    rename("gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.cache_creation.input_tokens"),
    rename("gen_ai.usage.input_tokens.cached", "gen_ai.usage.cache_read.input_tokens"),
    rename("gen_ai.usage.output_tokens.reasoning", "gen_ai.usage.reasoning.output_tokens"),
    rename("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
    rename("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    rename("http.client_ip", "client.address"),
    rename("http.flavor", "network.protocol.version"),
    Rename { from: "http.host", to: "server.address", how: How::Host },
    rename("http.method", "http.request.method"),
    rename("http.request_content_length", "http.request.body.size"),
    rename("http.request_method", "http.request.method"),
    rename("http.response_content_length", "http.response.body.size"),
    rename("http.response_transfer_size", "http.response.size"),
    rename("http.scheme", "url.scheme"),
    rename("http.server_name", "server.address"),
    rename("http.status_code", "http.response.status_code"),
    target("http.target"),
    target("http.uri"),
    rename("http.url", "url.full"),
    rename("http.user_agent", "user_agent.original"),
    rename("messaging.destination", "messaging.destination.name"),
    rename("messaging.message_id", "messaging.message.id"),
    rename("messaging.message_payload_size_bytes", "messaging.message.body.size"),
    rename("messaging.operation", "messaging.operation.type"),
    rename("net.host.name", "server.address"),
    rename("net.host.port", "server.port"),
    rename("net.protocol.name", "network.protocol.name"),
    rename("net.protocol.version", "network.protocol.version"),
    rename("net.transport", "network.transport"),
    rename("otel.status_message", "otel.status_description"),
    rename("rpc.grpc.status_code", "rpc.response.status_code"),
    rename("rpc.system", "rpc.system.name"),
];

/// Who the peer is depends on who asks: of what comes in, it is the client, and its address is a person's.
static PEERS: &[Peer] = &[
    peer("net.peer.ip", "network.peer.address", "client.address"),
    peer("net.peer.name", "server.address", "client.address"),
    peer("net.peer.port", "server.port", "client.port"),
    peer("net.sock.peer.addr", "network.peer.address", "client.address"),
    peer("net.sock.peer.port", "network.peer.port", "client.port"),
    peer("network.peer.address", "network.peer.address", "client.address"),
    peer("network.peer.port", "network.peer.port", "client.port"),
];

struct Peer {
    from: &'static str,
    bits: u64,
    outgoing: &'static str,
    incoming: &'static str,
}

const fn peer(from: &'static str, outgoing: &'static str, incoming: &'static str) -> Peer {
    Peer { from, bits: SpanData::bits(&[from]), outgoing, incoming }
}

/// The row of an old name.
pub(crate) fn find(key: &str) -> Option<&'static Rename> {
    let mut place = place_of(key.as_bytes());
    // There are more places than rows: an empty one comes.
    while let Some(rename) = RENAMES.get(usize::from(ROWS[place])) {
        if rename.from == key {
            return Some(rename);
        }
        place = (place + 1) % PLACES;
    }
    None
}

const PLACES: usize = 256;

/// The rows by what their names look like: of each place the row, or a number that no row has. Nearly every name that is no old one is
/// refused by a place that is empty.
static ROWS: [u8; PLACES] = {
    let mut rows = [u8::MAX; PLACES];
    let mut row = 0;
    while row < RENAMES.len() {
        let mut place = place_of(RENAMES[row].from.as_bytes());
        while rows[place] != u8::MAX {
            place = (place + 1) % PLACES;
        }
        rows[place] = row as u8;
        row += 1;
    }
    rows
};

const fn place_of(name: &[u8]) -> usize {
    match name {
        [.., before_last, last] => (37 * name.len() + 5 * *before_last as usize + *last as usize) % PLACES,
        _ => 0,
    }
}

/// Gives the attributes of a span the names of today.
pub(crate) fn apply(data: &mut SpanData<'_>) {
    let mut old: Vec<_> = data.iter().filter_map(|(key, _)| find(key)).collect();
    old.sort_unstable_by_key(|rename| rename.from); // of two old names for one thing, always the same stays
    for rename in old {
        rename.apply(data);
    }
}

/// Gives the other side of a span its name.
pub(crate) fn apply_to_peer(data: &mut SpanData<'_>, incoming: bool) {
    for peer in PEERS {
        let to = if incoming { peer.incoming } else { peer.outgoing };
        if data.may_have(peer.bits) && peer.from != to {
            rename(peer.from, to).apply(data);
        }
    }
}

impl Rename {
    /// Renames the attribute in the data of a span, if it is there.
    pub(crate) fn apply(&self, data: &mut SpanData<'_>) {
        match data.remove(self.from) {
            None => {}
            Some(SpanValue::Recorded(FieldValue::Str(text))) => {
                for (key, part) in self.parts(text) {
                    data.insert_new(key, part);
                }
            }
            Some(value) => data.insert_new(self.to, value),
        }
    }

    /// A text under the name of today, and what was part of it and has a name of its own.
    pub(crate) fn parts<'a>(&self, text: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        let (text, rest) = match self.how {
            How::AsItIs => (text, None),
            How::Target => match text.split_once('?') {
                Some((path, query)) => (path, Some(("url.query", query))),
                None => (text, None),
            },
            How::Host => match text.rsplit_once(':') {
                Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (host, Some(("server.port", port)))
                }
                _ => (text, None),
            },
        };
        std::iter::once((self.to, text)).chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn renamed<const N: usize>(fields: [(&str, FieldValue<'_>); N]) -> Value {
        let mut data = SpanData::from_iter(fields);
        apply(&mut data);
        data.to_map().into()
    }

    #[test]
    fn the_table_is_sorted_and_leads_to_names_of_today() {
        assert!(RENAMES.is_sorted_by(|a, b| a.from < b.from), "a row is found by whoever reads it");
        for rename in RENAMES {
            assert!(find(rename.to).is_none(), "{} is an old name itself", rename.to);
            assert!(find(rename.from).is_some_and(|found| found.to == rename.to), "{}", rename.from);
        }
    }

    #[test]
    fn of_two_names_for_one_thing_the_one_of_today_stays() {
        assert_eq!(
            renamed([
                ("http.method", "GET".into()),
                ("http.request.method", "POST".into()),
                ("rows", 3.into())
            ]),
            json!({"http.request.method": "POST", "rows": 3})
        );
    }

    #[test]
    fn what_is_part_of_a_value_gets_a_name_of_its_own() {
        assert_eq!(
            renamed([("http.target", "/carts?page=2".into()), ("http.host", "shop.example:8080".into())]),
            json!({"url.path": "/carts", "url.query": "page=2", "server.address": "shop.example", "server.port": "8080"})
        );
        assert_eq!(
            renamed([("http.target", "/".into()), ("http.host", "[::1]".into())]),
            json!({"url.path": "/", "server.address": "[::1]"})
        );
    }

    #[test]
    fn the_peer_of_a_server_is_its_client() {
        let peer = |incoming| {
            let fields = [("net.peer.name", "a".into()), ("network.peer.address", "192.0.2.1".into())];
            let mut data = SpanData::from_iter(fields);
            apply_to_peer(&mut data, incoming);
            Value::from(data.to_map())
        };
        assert_eq!(peer(false), json!({"server.address": "a", "network.peer.address": "192.0.2.1"}));
        assert_eq!(peer(true), json!({"client.address": "a"}));
    }
}
