//! From options to a client: what the facade adds, because only it knows the leaf crates.

use watchpost_core::{Client, Guard, InitError, Options, api};

/// Starts reporting: makes a client of the options, or of a DSN alone, and makes it the process's own. Keep the guard until the end of
/// `main`: dropping it sends what is left, for at most the shutdown timeout.
///
/// What is not set in code is taken from the `SENTRY_*` variables. Without a DSN everything works and nothing is sent, or, with
/// [`Options::console`], is drawn in the terminal.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let _guard = watchpost::init(watchpost::Options::new().release(watchpost::release_name!())?)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// An [`InitError`] that names the option that cannot work.
pub fn init<O>(options: O) -> Result<Guard, InitError>
where
    O: TryInto<Options, Error: Into<InitError>>,
{
    api::init(options.try_into().map_err(Into::into)?.completed(fill_in)?)
}

/// A client of its own, beside the process's: the same defaults as [`init`], bound to nothing.
///
/// # Errors
/// As [`init`].
pub fn new_client<O>(options: O) -> Result<Client, InitError>
where
    O: TryInto<Options, Error: Into<InitError>>,
{
    Client::new(options.try_into().map_err(Into::into)?.completed(fill_in)?)
}

/// Fills in what the enabled features offer and the program did not set itself.
fn fill_in(options: &mut Options) -> Result<(), InitError> {
    options.fill_from_environment()?;
    #[cfg(feature = "process")]
    process(options);
    profiler(options)?;
    spotlight(options)?;
    transport(options)?;
    spool(options)
}

#[cfg(feature = "process")]
fn process(options: &mut Options) {
    if !options.has_default_integrations() {
        return;
    }
    let (include, exclude) = options.in_app();
    let rules = watchpost_process::InApp::new(include.to_vec(), exclude.to_vec());
    let stacks = watchpost_process::Stacks::new(rules).context_lines(options.source_lines());
    options.default_server_name(watchpost_process::server_name);
    options.default_stack_source(stacks);
    options.default_integration(watchpost_process::PanicIntegration);
    options.default_integration(watchpost_process::ContextIntegration);
}

/// What samples, if there is to be a profile.
fn profiler(options: &mut Options) -> Result<(), InitError> {
    #[cfg(feature = "profiling")]
    options.default_profiler(watchpost_profiling::Sampler::default());
    match options.wants_profiler() {
        Some(option) => Err(InitError::Feature { option, feature: "profiling" }),
        None => Ok(()),
    }
}

/// A copy for a receiver on this machine, if there is to be one; without a DSN there is only the copy.
fn spotlight(options: &mut Options) -> Result<(), InitError> {
    let Some(url) = options.configured_spotlight() else { return Ok(()) };
    #[cfg(not(feature = "http"))]
    {
        let _ = url;
        Err(InitError::Feature { option: "Options::spotlight", feature: "http" })
    }
    #[cfg(feature = "http")]
    {
        let tap = watchpost_transport::SpotlightTap::new(url)
            .map_err(|error| InitError::Transport(format!("spotlight: {error}")))?;
        options.default_tap(tap);
        if options.configured_dsn().is_none() && !options.has_transport() {
            options.show_everything();
            if !options.wants_console() {
                options.default_transport(Nowhere);
            }
        }
        Ok(())
    }
}

/// Where envelopes go of which only a copy is wanted.
#[cfg(feature = "http")]
struct Nowhere;

#[cfg(feature = "http")]
impl watchpost_core::Transport for Nowhere {
    fn deliver(&self, _: &watchpost_protocol::Envelope) -> watchpost_core::Delivery {
        watchpost_core::Delivery::Accepted { limits: Vec::new() }
    }
}

/// HTTP to the DSN; without one the console, if it was asked for.
fn transport(options: &mut Options) -> Result<(), InitError> {
    if options.has_transport() {
        return Ok(());
    }
    match options.configured_dsn() {
        #[cfg(feature = "http")]
        Some(dsn) => {
            let http = watchpost_transport::HttpTransport::new(dsn, http_options(options, dsn))
                .map_err(|error| InitError::Transport(error.to_string()))?;
            options.default_transport(http);
        }
        #[cfg(feature = "console")]
        None if options.wants_console() => {
            options.default_transport(watchpost_transport::ConsoleTransport::stderr());
        }
        #[cfg(not(feature = "console"))]
        None if options.wants_console() => {
            return Err(InitError::Feature { option: "Options::console", feature: "console" });
        }
        _ => {}
    }
    Ok(())
}

#[cfg(feature = "http")]
fn http_options(options: &Options, dsn: &watchpost_protocol::Dsn) -> watchpost_transport::HttpOptions {
    let network = options.network();
    let mut http = watchpost_transport::HttpOptions::default()
        .compression(network.compression)
        .proxy(network.proxy(dsn).unwrap_or_default());
    if let Some(file) = &network.ca_certs {
        http = http.ca_certs(file);
    }
    if let Some((certificate, key)) = &network.client_cert {
        http = http.client_cert(certificate, key);
    }
    http
}

/// The directory where what cannot be sent waits, if one was given.
fn spool(options: &mut Options) -> Result<(), InitError> {
    #[cfg(feature = "spool")]
    if let Some(wanted) = options.wanted_spool() {
        let spool = watchpost_transport::FileSpool::new(wanted, options.configured_dsn());
        options.default_spool(spool);
    }
    #[cfg(not(feature = "spool"))]
    if options.wanted_spool().is_some() {
        return Err(InitError::Feature { option: "Options::spool", feature: "spool" });
    }
    Ok(())
}
