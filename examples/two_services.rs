//! A shop that asks a stock service, in two processes: what both report is one trace.
//!
//! `cargo run --example two_services` starts itself a second time as the stock, asks it once, and ends. Without `SENTRY_DSN` both draw what they
//! report in this terminal; the line under each trace says who its parent is.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use tokio::net::TcpListener;
use tracing_subscriber::prelude::*;
use watchpost::reqwest::RequestBuilderExt; // `send_traced`
use watchpost::{Options, Transaction};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    // One option says to whom the trace is told; by default it is everybody.
    let options =
        Options::from_env()?.traces_sample_rate(1.0)?.trace_propagation_targets(["http://127.0.0.1"]);
    let _guard = watchpost::init(options.before_send_transaction(tell).console())?;
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();

    match std::env::args().nth(1).as_deref() {
        Some("stock") => stock().await,
        _ => shop().await,
    }
}

/// The first service: its handler asks the second.
async fn shop() -> Result<()> {
    let mut stock = Command::new(std::env::current_exe()?)
        .arg("stock")
        .stdin(Stdio::piped()) // it serves until this ends
        .stdout(Stdio::piped())
        .spawn()?;
    let app = Router::new().route("/buy/{sku}", get(buy)).with_state(address(&mut stock)?);
    let (url, server) = serve(app).await?;
    let answer = reqwest::get(format!("{url}/buy/lamp")).await?;
    println!("buy a lamp: {} {}", answer.status(), answer.text().await?);
    server.abort();
    drop(stock.stdin.take());
    stock.wait()?; // it reports before it ends
    Ok(())
}

#[tracing::instrument(skip(stock))]
async fn buy(State(stock): State<String>, Path(sku): Path<String>) -> String {
    let request = reqwest::Client::new().get(format!("{stock}/stock/{sku}"));
    match request.send_traced().await {
        Ok(answer) => format!("{} left", answer.text().await.unwrap_or_default()),
        Err(error) => {
            watchpost::capture_error(&error);
            "we do not know".to_owned()
        }
    }
}

/// The second service: the request layer continues the trace that came with the request.
async fn stock() -> Result<()> {
    let (url, server) = serve(Router::new().route("/stock/{sku}", get(left))).await?;
    println!("{url}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    server.abort();
    Ok(())
}

#[tracing::instrument]
async fn left(Path(sku): Path<String>) -> &'static str {
    tracing::info!(%sku, "counting");
    "3"
}

async fn serve(app: Router) -> Result<(String, tokio::task::JoinHandle<std::io::Result<()>>)> {
    let app = app.layer(watchpost::tower::request_layer());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((url, tokio::spawn(async { axum::serve(listener, app).await })))
}

/// Where the other process serves: the first line that it says.
fn address(process: &mut Child) -> Result<String> {
    let mut line = String::new();
    BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Says of a transaction in which trace it is, and after which span; on its way out, as a hook.
fn tell(transaction: Transaction) -> Option<Transaction> {
    let root = transaction.contexts.trace.as_ref()?;
    let parent = root.parent_span_id.map_or("nobody".to_owned(), |parent| format!("span {parent}"));
    eprintln!("{}: trace {}, asked by {parent}", transaction.transaction, root.trace_id);
    for request in transaction.spans.iter().filter(|span| span.op.as_deref() == Some("http.client")) {
        eprintln!("  asks in span {}", request.span_id);
    }
    Some(transaction)
}
