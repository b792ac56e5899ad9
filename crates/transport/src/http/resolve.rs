//! The server's addresses, looked up once in a while.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use watchpost_core::background;

/// How long an answer holds. A connection that fails ends it sooner.
const LIFETIME: Duration = Duration::from_secs(60);
/// More addresses than these are not tried; ureq holds 16.
const ADDRESSES: usize = 16;

/// Remembers the last look-up.
///
/// ureq looks the name up for every request, even for one that goes over a kept connection, and starts a thread for it:
/// half of all that a request on loopback costs (71 µs of CPU with it, 38 µs without).
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembering {
    last: Arc<Mutex<Option<LookUp>>>,
}

#[derive(Debug)]
struct LookUp {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

impl Remembering {
    /// The server may have moved.
    pub(super) fn forget(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn recall(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.as_ref().filter(|last| last.name == name && last.at.elapsed() < LIFETIME);
        fresh.map(|last| last.addresses.clone())
    }

    fn remember(&self, name: String, addresses: &[SocketAddr]) {
        let look_up = LookUp { name, addresses: addresses.to_vec(), at: Instant::now() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(look_up);
    }
}

impl Resolver for Remembering {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let name = uri.scheme().zip(uri.authority());
        let name = name.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let name = name.ok_or_else(|| Error::BadUri(uri.to_string()))?;
        let addresses = match literal(&name).or_else(|| self.recall(&name)) {
            Some(addresses) => addresses,
            None => {
                let addresses = look_up(name.clone(), timeout)?;
                self.remember(name, &addresses);
                addresses
            }
        };
        let mut resolved = self.empty();
        for address in addresses.into_iter().take(ADDRESSES) {
            resolved.push(address);
        }
        if resolved.is_empty() { Err(Error::HostNotFound) } else { Ok(resolved) }
    }
}

/// An address needs no look-up.
fn literal(name: &str) -> Option<Vec<SocketAddr>> {
    let (host, port) = name.rsplit_once(':')?;
    let host: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(vec![SocketAddr::new(host, port.parse().ok()?)])
}

/// The system's look-up cannot be interrupted, so it has a thread of its own, which is left behind when time is up. (One value passes, once:
/// a channel would be 30 kB of code for that.)
fn look_up(name: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let found = Arc::new((Mutex::new(None), Condvar::new()));
    let finder = Arc::clone(&found);
    let finds = move || {
        let addresses = name.to_socket_addrs().map(Vec::from_iter);
        *finder.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(addresses);
        finder.1.notify_one();
    };
    background::start("watchpost-dns", Box::new(finds))?;
    let (found, told) = &*found;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = told.wait_timeout_while(found, *timeout.after, |found| found.is_none());
    match waited.unwrap_or_else(PoisonError::into_inner).0.take() {
        Some(addresses) => Ok(addresses?),
        None => Err(Error::Timeout(timeout.reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(resolver: &Remembering, uri: &str) -> Vec<SocketAddr> {
        let resolved =
            resolver.resolve(&uri.parse().unwrap(), &Config::default(), NextTimeout::default()).unwrap();
        resolved.iter().copied().collect()
    }

    #[test]
    fn addresses_need_no_look_up() {
        let resolver = Remembering::default();
        assert_eq!(resolve(&resolver, "http://127.0.0.1/x"), ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(resolve(&resolver, "https://[::1]:9000/x"), ["[::1]:9000".parse().unwrap()]);
        assert!(resolver.last.lock().unwrap().is_none());
    }

    #[test]
    fn a_name_is_remembered_until_it_is_forgotten() {
        let resolver = Remembering::default();
        let known: SocketAddr = "192.0.2.1:80".parse().unwrap();
        resolver.remember("shop.test:80".to_owned(), &[known]);
        assert_eq!(resolve(&resolver, "http://shop.test/x"), [known]);
        assert_eq!(resolver.recall("other.test:80"), None);
        resolver.forget();
        assert_eq!(resolver.recall("shop.test:80"), None);
    }
}
