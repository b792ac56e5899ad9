use serde_json::json;

use super::*;
use crate::category::Category;

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_400_000);

fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let envelope = Envelope::from_slice(text.as_bytes()).map_err(|error| error.to_string())?;
    let items = envelope.items.into_iter();
    Ok(items.map(|item| (item.header.ty.to_string(), String::from_utf8(item.payload).unwrap())).collect())
}

fn pair(ty: &str, payload: &str) -> (String, String) {
    (ty.to_owned(), payload.to_owned())
}

#[test]
fn the_table_of_the_protocol() {
    assert_eq!(read("{}"), Ok(vec![]));
    assert_eq!(read("{}\n"), Ok(vec![]));
    assert_eq!(read("{}\n{\"type\":\"session\"}\n{\"a\":1}"), Ok(vec![pair("session", "{\"a\":1}")]));
    assert_eq!(
        read("{}\n{\"type\":\"session\"}\n{\"a\":1}\n{\"type\":\"session\"}\n{\"b\":2}\n"),
        Ok(vec![pair("session", "{\"a\":1}"), pair("session", "{\"b\":2}")])
    );
    assert_eq!(
        read("{}\n{\"type\":\"attachment\",\"length\":0}\n\n{\"type\":\"x\",\"length\":2}\nab"),
        Ok(vec![pair("attachment", ""), pair("x", "ab")])
    );
    assert_eq!(
        read("{}\n{\"type\":\"attachment\",\"length\":5}\nab\nc\n\n"),
        Ok(vec![pair("attachment", "ab\nc\n")])
    );
    for (bad, problem) in [
        (
            "{}\n{\"type\":\"attachment\",\"length\":3}\nabcd",
            "expected a line break after the payload of 3 bytes, found 'd'",
        ),
        ("{}\n{\"type\":\"attachment\",\"length\":9}\nabc", "expected a payload of 9 bytes, only 3 are left"),
        ("", "expected a header, a JSON object on one line; found nothing"),
        ("{}\n\n", "expected a header, a JSON object on one line; found nothing"),
        ("{}\n {\"type\":\"x\"}\n", "expected a header, a JSON object without white space around it"),
        ("{}\n{\"type\":\"x\",\"length\":-1}\n", "expected a length in bytes, found -1"),
        ("{}\r\n", "expected a header, a JSON object without white space around it"),
    ] {
        assert!(read(bad).unwrap_err().ends_with(problem), "{bad:?}: {:?}", read(bad));
    }
}

#[test]
fn what_is_written_is_read_back_whatever_the_payload() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..500 {
        let mut envelope = Envelope::default();
        envelope.headers.event_id = Some(EventId::from_random_bytes([random() as u8; 16]));
        envelope.headers.other.insert("kept".into(), json!(random()));
        for _ in 0..random() % 5 {
            let payload = (0..random() % 40).map(|_| b"\n\r{}\"ab\0\xff"[(random() % 9) as usize]).collect();
            let mut item = Item::attachment("a.bin", None, payload);
            if random() % 2 == 0 {
                item.header.ty = ItemType::Unknown("made_up".into());
                item.header.other.insert("x".into(), json!([1]));
            }
            envelope.items.push(item);
        }
        let read = Envelope::from_slice(&envelope.to_vec(NOW)).unwrap();
        envelope.headers.sent_at = Some(NOW);
        assert_eq!(read, envelope);
        let mut unsent = Vec::new();
        envelope.write_unsent_to(&mut unsent).unwrap();
        assert_eq!(Envelope::from_slice(&unsent).unwrap().headers.sent_at, None);
        // Written again, there is still one `sent_at`.
        let again = String::from_utf8_lossy(&read.to_vec(NOW)).matches("sent_at").count();
        assert_eq!(again, 1);
    }
}

#[test]
fn time_and_length_are_written_once_whatever_stands_among_the_unknown_headers() {
    let mut item = Item::attachment("a", None, b"hi".to_vec());
    item.header.other.insert("length".into(), json!(7));
    let mut envelope = Envelope { items: vec![item], ..Envelope::default() };
    envelope.headers.other.insert("sent_at".into(), json!("2020-01-01T00:00:00Z"));

    let written = String::from_utf8(envelope.to_vec(NOW)).unwrap();
    assert_eq!((written.matches("sent_at").count(), written.matches("length").count()), (1, 1), "{written}");
    let read = Envelope::from_slice(written.as_bytes()).unwrap();
    assert_eq!((read.headers.sent_at, &*read.items[0].payload), (Some(NOW), &b"hi"[..]));
}

#[test]
fn losses_are_counted_by_what_an_item_holds() {
    let transaction = Item::json(ItemType::Transaction, &json!({"spans": [{}, {}, {}, {}]})).unwrap();
    assert_eq!(transaction.losses(), [(Category::Transaction, 1), (Category::Span, 5)]);
    assert_eq!(
        Item::attachment("a", None, Vec::new()).losses(),
        [(Category::Attachment, 1), (Category::AttachmentItem, 1)]
    );
    let sessions = json!({"aggregates": [{"exited": 2, "errored": 1}, {"crashed": 1}]});
    assert_eq!(Item::json(ItemType::Sessions, &sessions).unwrap().losses(), [(Category::Session, 4)]);
    let video = Item { header: ItemHeader::new("replay_video".into()), payload: Vec::new() };
    assert_eq!(video.losses(), [(Category::Replay, 1)]);
    assert!(Item::client_report(&crate::ClientReport::default()).unwrap().losses().is_empty());
}
