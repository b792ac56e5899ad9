//! ureq, set up so that every request ends.

use std::time::Duration;

use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy, ProxyProtocol};

use super::error::HttpError;
use super::options::HttpOptions;
use super::resolve::Remembering;
use super::tls::Tls;

/// How many connections are kept for the next envelope: as many as the outbox has deliveries in flight by default.
const IDLE_CONNECTIONS: usize = 8;

/// How much a connection buffers each way. A body is written from where it lies; answers are a few hundred bytes.
const BUFFER: usize = 16 * 1024;

/// Refuses a proxy that will not work, without setting it up.
pub(super) fn check_proxy(options: &HttpOptions) -> Result<(), HttpError> {
    let proxy = match options.proxy.as_deref() {
        None => Proxy::try_from_env(),
        Some("") => None,
        Some(url) => Some(Proxy::new(url).map_err(|error| HttpError::Proxy(error.to_string()))?),
    };
    // A build without TLS would speak to it in plain text, and tell the password so.
    if proxy.is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Https) && !cfg!(feature = "rustls") {
        return Err(HttpError::Proxy("for https, enable the feature `rustls`".to_owned()));
    }
    Ok(())
}

/// Reads the environment's proxy; TLS is set up by the first https connection.
pub(crate) fn build(options: &HttpOptions, tls: &Tls, resolver: Remembering) -> Agent {
    let whole = Some(options.timeout);
    let connect = Some(options.connect_timeout.min(options.timeout));
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(&options.user_agent)
        .accept("")
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_response_header_size(BUFFER)
        .timeout_global(whole)
        .timeout_per_call(whole)
        .timeout_resolve(connect)
        .timeout_connect(connect)
        .timeout_send_request(whole)
        .timeout_await_100(Some(Duration::from_secs(1)))
        .timeout_send_body(whole)
        .timeout_recv_response(whole)
        .timeout_recv_body(whole);
    match options.proxy.as_deref() {
        None => {}
        Some("") => config = config.proxy(None),
        Some(url) => config = config.proxy(Proxy::new(url).ok()),
    }
    let config = tls.configure(config);
    Agent::with_parts(config.build(), DefaultConnector::default(), resolver)
}
