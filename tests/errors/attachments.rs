//! Files that go with an event, and what becomes of them when it does not go.

use watchpost::protocol::ItemType;
use watchpost::{Attachment, Options, capture, capture_error, start_transaction};
use watchpost_testkit::{Captured, capture_with, options};

use crate::Payment;

fn files(captured: &Captured) -> Vec<(String, Vec<u8>)> {
    let envelopes = captured.envelopes();
    let items = envelopes.iter().flat_map(|envelope| &envelope.items);
    let files = items.filter(|item| item.header.ty == ItemType::Attachment);
    files.map(|item| (item.header.filename.clone().unwrap(), item.payload.clone())).collect()
}

fn file(name: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), bytes.to_vec())
}

fn with_a_file(options: Options) -> Captured {
    capture_with(options, || {
        capture(&Payment::Declined).attach(Attachment::bytes("a", b"abc".as_slice())).send();
    })
}

#[test]
fn those_of_all_scopes_and_of_the_capture_go_along_in_this_order() {
    let captured = capture_with(options(), || {
        watchpost::add_attachment(Attachment::bytes("isolation.txt", b"i".as_slice()));
        watchpost::with_scope(|scope| {
            scope.add_attachment(Attachment::lazy("current.txt", || Ok(b"c".to_vec())));
            capture(&Payment::Declined).attach(Attachment::bytes("capture.txt", b"e".as_slice())).send();
        });
        start_transaction("none of them").start().finish();
    });
    let expected = [file("isolation.txt", b"i"), file("current.txt", b"c"), file("capture.txt", b"e")];
    assert_eq!(files(&captured), expected);
    let lead = captured.envelopes().iter().find(|envelope| envelope.items.len() == 4).unwrap();
    assert_eq!(lead.items[0].header.ty, ItemType::Event);
    assert_eq!(lead.headers.event_id, Some(captured.events()[0].event_id));
}

#[test]
fn those_of_a_scope_end_with_it() {
    let captured = capture_with(options(), || {
        watchpost::with_scope(|scope| scope.add_attachment(Attachment::bytes("a", b"a".as_slice())));
        watchpost::with_scope(|scope| {
            scope.add_attachment(Attachment::bytes("b", b"b".as_slice()));
            scope.clear_attachments();
            capture_error(&Payment::Declined);
        });
    });
    assert_eq!(files(&captured), []);
}

#[test]
fn those_of_the_scopes_are_counted_with_an_error_that_is_not_even_built() {
    let refuse_all = [
        ("sample_rate", options().sample_rate(0.0).unwrap()),
        ("event_processor", options().ignore_errors(["*"])),
    ];
    for (reason, options) in refuse_all {
        let captured = capture_with(options, || {
            watchpost::add_attachment(Attachment::bytes("cart.json", vec![0; 5_000]));
            capture_error(&Payment::Declined);
        });
        let lost =
            ["attachment: 5000", "attachment_item: 1", "error: 1"].map(|line| format!("{reason}/{line}"));
        assert_eq!(captured.losses(), lost);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_counted_and_the_event_is_sent() {
    let captured = capture_with(options().max_attachment_size(3), || {
        capture(&Payment::Declined)
            .attach(Attachment::file("/nonexistent/shop.log"))
            .attach(Attachment::bytes("large", b"abcd".as_slice()))
            .attach(Attachment::bytes("fits", b"abc".as_slice()))
            .send();
    });
    assert_eq!(captured.events().len(), 1);
    assert_eq!(files(&captured), [file("fits", b"abc")]);
    assert_eq!(
        captured.losses(),
        [
            "internal_sdk_error/attachment: 1",
            "internal_sdk_error/attachment_item: 1",
            "invalid/attachment: 4",
            "invalid/attachment_item: 1"
        ]
    );
}

/// Also where there would be no room for it in the queue.
#[test]
fn one_that_is_too_large_costs_no_event() {
    let captured = capture_with(options().max_attachment_size(3).transport_queue_bytes(100_000), || {
        watchpost::add_attachment(Attachment::bytes("picture.png", vec![0; 200_000]));
        capture(&Payment::Declined).attach(Attachment::bytes("film.mp4", vec![0; 300_000])).send();
        capture(&Payment::Declined).attach(Attachment::bytes("fits", b"abc".as_slice())).send();
    });
    assert_eq!(captured.events().len(), 2);
    assert_eq!(files(&captured), [file("fits", b"abc")]);
    assert_eq!(captured.losses(), ["invalid/attachment: 700000", "invalid/attachment_item: 3"]);
}

#[test]
fn an_event_that_is_dropped_takes_its_files_with_it() {
    for (reason, options) in [
        ("before_send", options().before_send(|_| None)),
        ("event_processor", options().event_processor(|_| None)),
        ("sample_rate", options().error_sampler(|_| 0.0)),
    ] {
        let captured = with_a_file(options);
        let expected =
            ["attachment: 3", "attachment_item: 1", "error: 1"].map(|line| format!("{reason}/{line}"));
        assert_eq!(captured.losses(), expected);
        assert_eq!(files(&captured), []);
    }
}
