//! A shop that reports what goes wrong in it: the main job of Watchpost on one screen.
//!
//! `cargo run --example shop` serves it on loopback, sends it a few seconds of real requests, and ends. Without `SENTRY_DSN` every issue and
//! every trace is drawn in this terminal; with it, they go to that server. `WATCHPOST_SHOP_REQUESTS` sets the number of requests.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{Instrument, info, info_span, instrument, warn};
use tracing_subscriber::prelude::*;
use watchpost::{Options, User};

fn main() -> Result<(), Box<dyn Error>> {
    // A reporter that cannot be set up is no reason not to open the shop.
    let guard = match options().and_then(watchpost::init) {
        Ok(guard) => Some(guard),
        Err(error) => {
            eprintln!("nothing will be reported: {error}");
            None
        }
    };
    tracing_subscriber::registry().with(watchpost::tracing::layer()).init();

    let visits = tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, shop()).await });
        visit(address).await
    })?;

    drop(guard); // sends what is left, for two seconds at most
    summary(&visits);
    Ok(())
}

fn options() -> Result<Options, watchpost::InitError> {
    Options::from_env()?.release(watchpost::release_name!())?.traces_sample_rate(1.0).map(Options::console)
}

fn shop() -> Router {
    Router::new()
        .route("/", get(|| async { "Welcome" }))
        .route("/search/{term}", get(search))
        .route("/checkout/{id}", post(checkout))
        .route("/admin/report", get(yearly_report))
        .layer(watchpost::tower::request_layer())
}

async fn search(Path(term): Path<String>) -> String {
    info!(%term, "searching");
    slow_query("SELECT * FROM products WHERE name LIKE $1").await;
    format!("2 products match {term}")
}

/// Prices the cart and checks the stock in two tasks of their own, then charges the card.
#[instrument]
async fn checkout(Path(id): Path<u32>) -> Result<Json<u32>, CheckoutError> {
    watchpost::set_user(User::id(format!("customer-{id}")));
    watchpost::set_tag("plan", if id.is_multiple_of(2) { "pro" } else { "free" });
    info!(order = id, "cart loaded");

    let price = tokio::spawn(price(id).instrument(info_span!("price the cart", items = 3)));
    let stock = tokio::spawn(stock(id).instrument(info_span!("check the stock")));
    let total = price.await.unwrap_or_default();
    if !stock.await.unwrap_or_default() {
        warn!(order = id, "stock is low");
    }
    charge(id, total).await?;
    Ok(Json(total))
}

async fn price(id: u32) -> u32 {
    sleep(Duration::from_millis(12)).await;
    10 + id
}

async fn stock(id: u32) -> bool {
    slow_query("SELECT left FROM stock WHERE sku = ANY($1)").await;
    !id.is_multiple_of(3)
}

#[instrument(skip_all, fields(otel.name = sql, sentry.op = "db", db.system = "postgresql"))]
async fn slow_query(sql: &'static str) {
    sleep(Duration::from_millis(35)).await;
}

#[instrument(fields(sentry.op = "http.client"))]
async fn charge(order: u32, total: u32) -> Result<(), CheckoutError> {
    sleep(Duration::from_millis(8)).await;
    if order % 4 == 1 {
        let declined = CardDeclined { code: "insufficient_funds" };
        return Err(CheckoutError { order, source: declined });
    }
    info!(total, "card charged");
    Ok(())
}

async fn yearly_report() -> String {
    average_order(&[]).to_string()
}

/// There were no orders yet, and nobody thought of that.
#[inline(never)]
fn average_order(orders: &[u32]) -> u32 {
    orders.iter().sum::<u32>() / orders.len() as u32
}

#[derive(Debug)]
struct CheckoutError {
    order: u32,
    source: CardDeclined,
}

#[derive(Debug)]
struct CardDeclined {
    code: &'static str,
}

impl fmt::Display for CheckoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {} was not paid", self.order)
    }
}

impl fmt::Display for CardDeclined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the card was declined: {}", self.code)
    }
}

impl Error for CheckoutError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl Error for CardDeclined {}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        let response = (StatusCode::PAYMENT_REQUIRED, self.to_string()).into_response();
        watchpost::tower::attach_error(response, &self)
    }
}

/// The visitors: real requests over loopback. What each was answered, or that it was not.
async fn visit(address: SocketAddr) -> std::io::Result<BTreeMap<String, u32>> {
    let requests = std::env::var("WATCHPOST_SHOP_REQUESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(16);
    let mut answers = BTreeMap::new();
    for number in 0..requests {
        let (method, path) = match number % 8 {
            0 => ("GET", "/".to_owned()),
            1 | 4 | 6 => ("POST", format!("/checkout/{}", 40 + number)),
            2 => ("GET", "/search/lamp?page=2&token=secret".to_owned()),
            3 => ("GET", "/no/such/page".to_owned()),
            5 => ("POST", format!("/checkout/{}?coupon=10", 40 + number)),
            _ => ("GET", "/admin/report".to_owned()),
        };
        let status = request(address, method, &path).await.unwrap_or_else(|_| "no answer".to_owned());
        *answers.entry(status).or_default() += 1;
        sleep(Duration::from_millis(60)).await;
    }
    Ok(answers)
}

async fn request(address: SocketAddr, method: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncookie: session=1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).map(str::to_owned);
    status.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

fn summary(visits: &BTreeMap<String, u32>) {
    let total: u32 = visits.values().sum();
    let parts: Vec<String> = visits.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    println!("{total} requests were answered: {}", parts.join(", "));
}
