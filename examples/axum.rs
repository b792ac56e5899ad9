//! A service of axum: each request is a unit of work, with a trace and a transaction; a failure is an issue with the request.
//!
//! `cargo run --example axum` serves two requests and ends. Without `SENTRY_DSN` what it reports is drawn in this terminal.

use std::error::Error;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing_subscriber::prelude::*;
use watchpost::{Options, User};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = watchpost::init(Options::from_env()?.traces_sample_rate(1.0)?.console())?;
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();

    let app = Router::new().route("/carts/{id}", get(cart)).layer(watchpost::tower::request_layer());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    for id in [7, 13] {
        let answer = reqwest::get(format!("{url}/carts/{id}")).await?;
        println!("cart {id}: {} {}", answer.status(), answer.text().await?);
    }
    Ok(())
}

#[tracing::instrument] // a span of the transaction
async fn cart(Path(id): Path<u32>) -> Result<&'static str, StatusCode> {
    watchpost::set_user(User::id("sam")); // of this request only
    tracing::info!(id, "looking it up"); // a breadcrumb
    if id == 13 {
        return Err(StatusCode::INTERNAL_SERVER_ERROR); // an issue; a 404 would be none
    }
    Ok("two lamps")
}
