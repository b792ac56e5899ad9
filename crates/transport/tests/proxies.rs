//! Proxies of other kinds than http.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use watchpost_core::{Delivery, Transport};
use watchpost_protocol::{Dsn, Envelope};
use watchpost_transport::{HttpOptions, HttpTransport};

/// A proxy that passes bytes on, to whatever host it is asked for (RFC 1928). Serves one connection, and answers the request in it by itself. Says which host was asked for.
fn serve(mut stream: TcpStream) -> String {
    let methods = read(&mut stream, 2)[1];
    read(&mut stream, methods.into());
    stream.write_all(&[5, 0]).unwrap();
    let length = read(&mut stream, 5)[4];
    let host = read(&mut stream, length.into());
    read(&mut stream, 2); // the port
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    read(&mut stream, b"POST ".len());
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let _ = stream.read_to_end(&mut Vec::new()); // until the client has gone
    String::from_utf8(host).unwrap()
}

fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_proxy_for_any_protocol_stands_between() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("socks5h://{}", proxy.local_addr().unwrap());
    let served = thread::spawn(move || serve(proxy.accept().unwrap().0));
    let dsn: Dsn = "http://public@nowhere.invalid/42".parse().unwrap();
    let transport = HttpTransport::new(&dsn, HttpOptions::default().proxy(url)).unwrap();
    assert_eq!(transport.deliver(&Envelope::default()), Delivery::Accepted { limits: vec![] });
    drop(transport);
    assert_eq!(served.join().unwrap(), "nowhere.invalid");
}

#[test]
fn a_proxy_that_is_not_there_is_no_reason_to_go_without_it() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dsn: Dsn = format!("http://public@{}/42", server.local_addr().unwrap()).parse().unwrap();
    let transport =
        HttpTransport::new(&dsn, HttpOptions::default().proxy(format!("socks5://{gone}"))).unwrap();
    assert!(matches!(transport.deliver(&Envelope::default()), Delivery::Unreachable { .. }));
}

/// A proxy that is spoken to in TLS, or not at all: what it is told first may be a password.
#[test]
fn nothing_is_said_to_an_https_proxy_in_plain_text() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://sam:hunter2@{}", proxy.local_addr().unwrap());
    let dsn: Dsn = "http://public@nowhere.invalid/42".parse().unwrap();
    match HttpTransport::new(&dsn, HttpOptions::default().proxy(url)) {
        Ok(transport) => {
            let heard = thread::spawn(move || read(&mut proxy.accept().unwrap().0, 2));
            assert!(matches!(transport.deliver(&Envelope::default()), Delivery::Unreachable { .. }));
            assert_eq!(heard.join().unwrap(), [22, 3], "the beginning of a handshake");
        }
        Err(error) => assert!(!cfg!(feature = "rustls") && error.to_string().contains("`rustls`"), "{error}"),
    }
}
