//! The spans of requests that go out: what they begin with, and what they are called.

use http::Method;
use watchpost_core::layer::{Callsite, CallsiteData, FinishedSpan, LayerSpan, NO_KEY, Reader, scratch};
use watchpost_core::{Client, Scopes};
use watchpost_protocol::TransactionSource;

use super::address::Address;
use crate::grpc;
use crate::kind::{Kind, site};

pub(crate) static HTTP: Kind = Kind { op: "http.client", origin: "auto.http.tower" };
pub(crate) static GRPC: Kind = Kind { op: "grpc.client", origin: "auto.grpc.tower" };

/// Opens the span of a request; the scopes that it is open in. `None` without a parent that is recorded: a request by itself is no transaction.
pub(crate) fn open(
    kind: &'static Kind,
    (around, client): (&Scopes, &Client),
    method: &Method,
    address: &Address,
) -> Option<Scopes> {
    around.span_ref().filter(|parent| parent.trace().is_recording())?;
    let span = LayerSpan { callsite: Callsite { data: kind, reader: &READER }, key: NO_KEY };
    let opened = scratch::with(|fields| {
        fields.push("http.request.method", method.as_str().into());
        address.describe(&mut |key, value| fields.push(key, value.into()));
        let (host, port) = address.server();
        if let Some(host) = host {
            fields.push("server.address", host.into());
        }
        if let Some(port) = port {
            fields.push("server.port", u64::from(port).into());
        }
        if let (true, Some((service, method))) =
            (kind.op == GRPC.op, grpc::service_and_method(address.uri().path()))
        {
            fields.push("rpc.system.name", "grpc".into());
            fields.push("rpc.service", service.into());
            fields.push("rpc.method", method.into());
        }
        let never_asked = || kind.root(("".into(), TransactionSource::Url)); // it is a child
        around.open_span(client, span, never_asked, fields)
    });
    Some(around.with_span_ref(opened))
}

static READER: Reader = Reader { site, describe, telling: |_| None };

/// Names it, on the worker: `GET https://api.test/carts`, or `/shop.v1.Carts/Get`.
fn describe(data: CallsiteData, span: &mut FinishedSpan<'_>) -> Option<TransactionSource> {
    let kind = data.downcast_ref::<Kind>()?;
    let text = |key| span.data.text(key);
    span.description = match (text("rpc.service"), text("rpc.method")) {
        (Some(service), Some(method)) => Some(format!("/{service}/{method}").into()),
        _ => Some(format!("{} {}", text("http.request.method")?, text("url")?).into()),
    };
    kind.write_to(span);
    None
}
