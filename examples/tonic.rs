//! A gRPC service of tonic and a client that asks it: each call is one trace, from the client's span to the server's transaction.
//!
//! `cargo run --example tonic` serves on loopback, makes three calls, and ends. Without `SENTRY_DSN` what they report is drawn in this terminal. The
//! service is written by hand, so that the example needs no compiler of protocols: one that `tonic-build` makes is wrapped in the same way.

use std::convert::Infallible;
use std::error::Error;

use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tower::{ServiceBuilder, service_fn};
use tracing_subscriber::prelude::*;
use watchpost::Options;
use watchpost::tower::{propagate_layer, request_layer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env()?.release(watchpost::release_name!())?.traces_sample_rate(1.0)?;
    let _guard = watchpost::init(options.console())?;
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();

    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = format!("http://{}", incoming.local_addr()?);
    let stock = service_fn(async |call| Ok::<_, Infallible>(serve(call).await));
    let server = tokio::spawn(Server::builder().layer(request_layer()).serve_with_incoming(stock, incoming));

    let channel = Endpoint::from_shared(address)?.connect().await?;
    let mut client = Grpc::new(ServiceBuilder::new().layer(propagate_layer()).service(channel));
    for sku in ["lamp", "unicorn", "cursed lamp"] {
        match ask(&mut client, sku).await {
            Ok(left) => println!("{sku}: {left} left"),
            Err(status) => println!("{sku}: {:?}: {}", status.code(), status.message()),
        }
    }
    server.abort();
    Ok(())
}

/// A method of the service. What it answers is what its transaction says; a failure of the server (`INTERNAL`, `UNAVAILABLE`, ...) is an issue,
/// and an answer that the client does not like (`NOT_FOUND`) is none.
#[tracing::instrument(skip_all)]
async fn left(request: Request<String>) -> Result<Response<String>, Status> {
    let sku = request.into_inner();
    tracing::info!(%sku, "counting");
    match sku.as_str() {
        "lamp" => Ok(Response::new("3".to_owned())),
        "unicorn" => Err(Status::not_found("there are no unicorns")),
        _ => Err(Status::internal("the shelf is empty, and the books say otherwise")),
    }
}

/// What `tonic-build` would have made: the server's side of the method...
async fn serve(call: http::Request<Body>) -> http::Response<Body> {
    match call.uri().path() {
        "/shop.v1.Stock/Left" => tonic::server::Grpc::new(Text).unary(service_fn(left), call).await,
        _ => Status::unimplemented("there is no such method").into_http(),
    }
}

/// ...the client's...
#[tracing::instrument(skip(client))]
async fn ask<T>(client: &mut Grpc<T>, sku: &str) -> Result<String, Status>
where
    T: tonic::client::GrpcService<Body, Error: Error>,
    T::ResponseBody: http_body::Body<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let method = PathAndQuery::from_static("/shop.v1.Stock/Left");
    Ok(client.unary(Request::new(sku.to_owned()), method, Text).await?.into_inner())
}

/// ...and how messages are written: here they are text.
#[derive(Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Text;
    type Decoder = Text;

    fn encoder(&mut self) -> Text {
        Text
    }

    fn decoder(&mut self) -> Text {
        Text
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, message: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, message.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let message = bytes::Buf::copy_to_bytes(from, bytes::Buf::remaining(from));
        let text = String::from_utf8(message.into());
        text.map(Some).map_err(|_| Status::invalid_argument("this is no text"))
    }
}
