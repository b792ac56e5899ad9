//! https to a server on loopback with certificates of its own, and through a proxy that wants a password.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{Dsn, Envelope, Event, Item};
use watchpost_transport::{HttpError, HttpOptions, HttpTransport};

/// An authority, and a directory with its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("watchpost-tls-{}-{test}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer, directory }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn ca(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    /// A certificate for a host, and its key.
    fn issue(&self, host: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server that shows a certificate of ours, and may ask for one.
    fn server(&self, asks: bool) -> Server {
        let (certificate, key) = self.issue("localhost");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.issuer.der().to_vec())).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match asks {
            false => config.with_no_client_auth(),
            true => config.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
            ),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        Server::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            answer(StreamOwned::new(connection, stream))
        })
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What a connection brought: the lines of the head.
struct Server {
    port: u16,
    received: mpsc::Receiver<Vec<String>>,
}

impl Server {
    fn start(serve: impl Fn(TcpStream) -> Option<Vec<String>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if let Some(head) = serve(stream.unwrap())
                    && sender.send(head).is_err()
                {
                    return;
                }
            }
        });
        Server { port, received }
    }

    fn dsn(&self) -> Dsn {
        format!("https://key@localhost:{}/42", self.port).parse().unwrap()
    }
}

/// The head of a request, which is answered well.
fn answer(stream: impl Read + Write) -> Option<Vec<String>> {
    let mut stream = BufReader::new(stream);
    let head = head(&mut stream)?;
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    stream
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        .ok()?;
    stream.get_mut().flush().ok()?;
    Some(head)
}

fn head(stream: &mut impl BufRead) -> Option<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => return Some(head),
            line => head.push(line.to_lowercase()),
        }
    }
}

fn deliver(server: &Server, options: HttpOptions) -> Delivery {
    let mut envelope = Envelope::default();
    envelope.items.push(Item::event(&Event::default()).unwrap());
    HttpTransport::new(&server.dsn(), options).unwrap().deliver(&envelope)
}

fn accepted() -> Delivery {
    Delivery::Accepted { limits: Vec::new() }
}

fn options() -> HttpOptions {
    HttpOptions::default().proxy("")
}

#[test]
fn who_is_vouched_for_by_the_given_authority_is_trusted_and_nobody_else() {
    let authority = Authority::new("roots");
    let server = authority.server(false);
    assert_eq!(deliver(&server, options().ca_certs(authority.ca())), accepted());
    assert!(server.received.recv().unwrap()[0].starts_with("post /api/42/envelope/"));
    let other = Authority::new("other");
    for stranger in [options(), options().ca_certs(other.ca())] {
        let Delivery::Unreachable { error } = deliver(&server, stranger) else { panic!("it was trusted") };
        assert!(error.contains("certificate"), "{error}");
    }
}

#[test]
fn a_server_that_asks_gets_our_certificate() {
    let authority = Authority::new("client");
    let server = authority.server(true);
    let (certificate, key) = authority.issue("reporter");
    let certificate = authority.file("certificate.pem", &certificate.pem());
    let key = authority.file("key.pem", &key.serialize_pem());
    let trusting = || options().ca_certs(authority.ca());
    assert_eq!(deliver(&server, trusting().client_cert(certificate, key)), accepted());
    assert!(matches!(deliver(&server, trusting()), Delivery::Unreachable { .. }));
}

#[test]
fn what_is_no_certificate_or_key_is_refused_and_named() {
    let authority = Authority::new("refused");
    let (certificate, key) = authority.issue("reporter");
    let (_, other_key) = authority.issue("other");
    let certificate = authority.file("certificate.pem", &certificate.pem());
    let key = authority.file("key.pem", &key.serialize_pem());
    let other_key = authority.file("other.pem", &other_key.serialize_pem());
    let empty = authority.file("empty.pem", "nothing");
    let missing = authority.directory.join("missing.pem");
    for (options, culprit) in [
        (options().ca_certs(&missing), &missing),
        (options().ca_certs(&empty), &empty),
        (options().client_cert(&empty, &key), &empty),
        (options().client_cert(&certificate, &empty), &empty),
        (options().client_cert(&certificate, &other_key), &other_key),
    ] {
        let error = HttpTransport::new(&"https://k@localhost/1".parse().unwrap(), options).unwrap_err();
        assert!(error.to_string().contains(culprit.to_str().unwrap()), "{error}");
        assert!(matches!(error, HttpError::Certificate { .. }));
    }
}

#[test]
fn a_proxy_gets_its_password_and_nothing_of_ours() {
    let authority = Authority::new("proxy");
    let server = authority.server(false);
    let (target, (to_test, asked)) = (server.port, mpsc::channel());
    let proxy = Server::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        to_test.send(head(&mut reader)?).unwrap();
        (&stream).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let upstream = TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (from, to) = (upstream.try_clone().unwrap(), stream.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut &from, &mut &to));
        let _ = std::io::copy(&mut reader, &mut &upstream);
        None
    });
    let through = options().ca_certs(authority.ca());
    let through = through.proxy(format!("http://user:secret@127.0.0.1:{}", proxy.port));
    assert_eq!(deliver(&server, through), accepted());
    let asked = asked.recv().unwrap();
    assert_eq!(asked[0], format!("connect localhost:{target} http/1.1"));
    // "user:secret" in base 64, in lower case as everything here.
    assert!(asked.contains(&"proxy-authorization: basic dxnlcjpzzwnyzxq=".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("sentry")), "{asked:?}");
    let reached = server.received.recv().unwrap();
    assert!(!reached.iter().any(|line| line.starts_with("proxy-")), "{reached:?}");
}
