use std::sync::LazyLock;

use watchpost_protocol::{Item, Meta, SpanRecord, Transaction, Value};

use super::*;
use crate::fields::FieldValue;
use crate::finished::{AsTraceContext, trace_context};
use crate::origin::{Callsite, Reader, Site, SpanInit};
use crate::pipeline::Callsites;
use crate::scrub::EventScrubber;

fn opening<'a>(id: u8, fields: &'a Fields, start: Instant) -> Opening<'a> {
    let init = SpanInit { name: "span".into(), op: None, origin: "manual", site: Site::default() };
    Opening {
        span_id: SpanId::from_bytes([id; 8]),
        parent: Slot::ROOT,
        origin: Origin::ByHand(Box::new(init)),
        key: (1, id.into()),
        start,
        fields,
    }
}

fn after(micros: u64) -> Instant {
    static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
    *ZERO + Duration::from_micros(micros)
}

fn at(moment: Instant) -> Timestamp {
    Timestamp::from_micros((moment - after(0)).as_micros() as i64)
}

/// A trace as protocol data.
struct Records {
    root: Option<SpanRecord>,
    source: Option<TransactionSource>,
    children: Vec<SpanRecord>,
    unfinished: u64,
    overflow: u64,
}

fn records(buffer: &Buffer) -> Records {
    let callsites = Callsites::default();
    let mut describer = callsites.describer(None);
    let Finished { root, source, children, unfinished, overflow } =
        buffer.finished(TraceId::from_bytes([9; 16]), at, |span, made| describer.describe(span, made));
    let root = root.map(FinishedSpan::into_record);
    Records {
        root,
        source,
        children: children.into_iter().map(FinishedSpan::into_record).collect(),
        unfinished,
        overflow,
    }
}

#[test]
fn later_attributes_win_and_unfinished_children_are_counted() {
    let mut buffer = Buffer::default();
    let mut fields = Fields::new();
    fields.push("rows", 1u64.into());
    let root = buffer.open(opening(1, &Fields::new(), after(10)));
    assert_eq!(root, Some(Slot::ROOT));
    let child = buffer.open(opening(2, &fields, after(11))).unwrap();
    buffer.open(opening(3, &Fields::new(), after(11)));
    fields.clear();
    fields.push("rows", 2u64.into());
    buffer.record(child, &fields);
    buffer.close(child, after(12), SpanStatus::Ok);
    buffer.close(child, after(99), SpanStatus::Cancelled);
    buffer.close(Slot::ROOT, after(13), SpanStatus::Ok);

    let records = records(&buffer);
    assert_eq!((records.children.len(), records.unfinished, records.overflow), (1, 1, 0));
    let child = &records.children[0];
    assert_eq!(child.data["rows"], 2);
    assert_eq!(
        (child.timestamp, child.status),
        (at(after(12)), Some(SpanStatus::Ok)),
        "the first end counts"
    );
}

#[test]
fn a_span_is_found_by_its_key_while_it_is_open() {
    let mut buffer = Buffer::default();
    let none = Fields::new();
    let first = buffer.open(opening(1, &none, after(1))).unwrap();
    let child = buffer.open(opening(2, &none, after(1))).unwrap();
    buffer.close(child, after(2), SpanStatus::Ok);
    assert_eq!((buffer.find((1, 1)), buffer.find((1, 2)), buffer.find((2, 1))), (Some(first), None, None));
    let again = buffer.open(opening(2, &none, after(3))).unwrap();
    assert_eq!(buffer.find((1, 2)), Some(again), "ids are given again");
    let outliving: Vec<_> = buffer.outliving().into_iter().map(|span| span.slot).collect();
    assert_eq!(outliving, [again]);
}

#[test]
fn what_is_set_by_hand_stays_and_the_rest_is_as_the_layer_says() {
    let described = Callsite {
        data: &"a callsite",
        reader: &Reader {
            site: |_| Site::default(),
            telling: |_| None,
            describe: |data, span| {
                assert_eq!(span.data.get("rows"), Some(1u64.into()), "attributes are there when it is asked");
                span.description = data.downcast_ref::<&str>().map(|&text| text.into());
                (span.op, span.status) = (Some("db".into()), span.status.or(Some(SpanStatus::Aborted)));
                Some(TransactionSource::Task)
            },
        },
    };
    let mut fields = Fields::new();
    fields.push("rows", 1u64.into());
    let mut buffer = Buffer::default();
    for id in [1, 2] {
        buffer.open(Opening { origin: Origin::Layer(described), ..opening(id, &fields, after(1)) });
    }
    buffer.set_op(Slot(1), "cache".into());
    buffer.set_status(Slot(1), SpanStatus::NotFound);
    buffer.close(Slot(1), after(2), SpanStatus::Ok);
    buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
    let records = records(&buffer);
    assert_eq!(records.source, Some(TransactionSource::Task));
    let picture = |span: &SpanRecord| (span.description.clone(), span.op.clone(), span.status);
    let text = || Some("a callsite".to_owned());
    assert_eq!(picture(&records.root.unwrap()), (text(), Some("db".into()), Some(SpanStatus::Aborted)));
    assert_eq!(picture(&records.children[0]), (text(), Some("cache".into()), Some(SpanStatus::NotFound)));
}

#[test]
fn a_span_that_is_told_of_afterwards_began_before_but_not_before_its_parent() {
    let mut buffer = Buffer::default();
    let none = Fields::new();
    buffer.open(opening(1, &none, after(100)));
    for took in [20, 90] {
        let slot = buffer.open(opening(2, &none, after(150))).unwrap();
        buffer.close_back_dated(slot, Duration::from_micros(took));
    }
    buffer.close(Slot::ROOT, after(200), SpanStatus::Ok);
    let records = records(&buffer);
    let times = |span: &SpanRecord| (span.start_timestamp, span.timestamp);
    let times: Vec<_> = records.children.iter().map(times).collect();
    assert_eq!(times, [(at(after(130)), at(after(150))), (at(after(100)), at(after(150)))]);
}

#[test]
fn a_failure_counts_unless_the_program_or_an_attribute_says_otherwise() {
    let mut buffer = Buffer::default();
    let none = Fields::new();
    let said = Callsite {
        data: &(),
        reader: &Reader {
            site: |_| Site::default(),
            telling: |_| None,
            describe: |_, span| {
                span.status.get_or_insert(SpanStatus::NotFound);
                None
            },
        },
    };
    buffer.open(opening(1, &none, after(1)));
    buffer.open(opening(2, &none, after(1)));
    buffer.open(Opening { origin: Origin::Layer(said), ..opening(3, &none, after(1)) });
    buffer.set_status(Slot(1), SpanStatus::Aborted);
    for slot in [Slot::ROOT, Slot(1), Slot(2)] {
        buffer.fail(slot);
        buffer.close(slot, after(2), SpanStatus::Ok);
    }
    let records = records(&buffer);
    let statuses: Vec<_> = records.root.iter().chain(&records.children).map(|span| span.status).collect();
    let [root, by_hand, by_layer] =
        [SpanStatus::InternalError, SpanStatus::Aborted, SpanStatus::NotFound].map(Some);
    assert_eq!(statuses, [root, by_hand, by_layer]);
}

#[test]
fn an_attribute_that_is_set_over_and_over_does_not_grow() {
    let mut buffer = Buffer::default();
    let mut fields = Fields::new();
    fields.push("bytes", 0u64.into());
    fields.push("first", true.into());
    buffer.open(opening(1, &fields, after(1)));
    let child = buffer.open(opening(2, &fields, after(1))).unwrap();
    for round in 1..=100_000u64 {
        fields.clear();
        fields.push("bytes", round.into());
        fields.push_owned_key("peer", if round % 2 == 0 { "a" } else { "b" }.into());
        buffer.record(child, &fields);
        assert!(buffer.later.len() <= LATER_FIELDS + 2 && buffer.fields.len() <= LATER_FIELDS + 6);
    }
    buffer.close(child, after(2), SpanStatus::Ok);
    buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
    let records = records(&buffer);
    let data = &records.children[0].data;
    assert_eq!((&data["bytes"], &data["first"], &data["peer"]), (&100_000.into(), &true.into(), &"a".into()));
    assert_eq!(records.root.unwrap().data["bytes"], 0);
}

#[test]
fn a_span_says_on_which_thread_it_was_made() {
    let mut buffer = Buffer::default();
    buffer.open(opening(1, &Fields::new(), after(1)));
    let worker = std::thread::Builder::new().name("worker-7".into());
    std::thread::scope(|scope| {
        let open = || buffer.open(opening(2, &Fields::new(), after(1)));
        worker.spawn_scoped(scope, open).unwrap().join().unwrap();
    });
    buffer.close(Slot(1), after(2), SpanStatus::Ok);
    buffer.close(Slot::ROOT, after(2), SpanStatus::Ok);
    let records = records(&buffer);
    let (root, child) = (records.root.unwrap(), &records.children[0]);
    assert_eq!(child.data["thread.name"], "worker-7");
    assert_ne!(child.data["thread.id"], root.data["thread.id"]);
}

#[test]
fn the_fields_around_a_span_are_its_ancestors_and_its_own() {
    let mut buffer = Buffer::default();
    let fields = |key, value: u64| {
        let mut fields = Fields::new();
        fields.push(key, value.into());
        fields
    };
    buffer.open(opening(1, &fields("order", 1), after(1)));
    buffer.open(opening(2, &fields("beside", 2), after(1)));
    let inner = buffer.open(opening(3, &fields("step", 3), after(1))).unwrap();
    buffer.record(Slot::ROOT, &fields("order", 4));
    let picture: Vec<_> =
        buffer.fields_around(inner).iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(picture, ["order=1", "order=4", "step=3"]);
}

#[test]
fn a_trace_that_has_ended_keeps_nothing() {
    let mut ended = Buffer::default();
    let mut fields = Fields::new();
    fields.push("bytes", 1u64.into());
    ended.record(Slot(3), &fields);
    assert!(ended.fields.is_empty() && ended.later.is_empty());
}

#[test]
fn a_full_trace_refuses_and_counts() {
    let mut buffer = Buffer::default();
    for _ in 0..MAX_SPANS + 1 {
        assert!(buffer.open(opening(1, &Fields::new(), after(1))).is_some());
    }
    assert!(buffer.open(opening(1, &Fields::new(), after(1))).is_none());
    assert_eq!((buffer.overflow, buffer.span_count()), (1, MAX_SPANS as u64 + 2), "all are lost with it");
}

fn opened() -> (Buffer, Slot) {
    let mut buffer = Buffer::default();
    let root = buffer.open(opening(1, &Fields::new(), after(0))).unwrap();
    (buffer, root)
}

#[test]
fn a_span_that_is_told_more_and_more_does_not_grow_for_ever() {
    let (mut buffer, root) = opened();
    let mut fields = Fields::new();
    for n in 0..200_000_u64 {
        fields.clear();
        fields.push_owned_key(&format!("order.{n}"), FieldValue::U64(n));
        buffer.record(root, &fields);
    }
    assert_eq!(buffer.fields.len(), MAX_FIELDS);

    let text = "x".repeat(MAX_TEXT / 10);
    let (mut buffer, root) = opened();
    for n in 0..100 {
        fields.clear();
        fields.push("payload", FieldValue::Str(&text));
        fields.push("n", FieldValue::I64(n));
        buffer.record(root, &fields);
    }
    assert!(buffer.fields.text_len() <= MAX_TEXT);
    assert_eq!(buffer.fields_around(root).get("n"), Some(FieldValue::I64(99)), "the last value stays");
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_row_is_small() {
    assert!(size_of::<Row>() <= 104, "as many as there are spans wait to be sent");
}

#[test]
fn a_span_that_follows_all_does_not_grow_for_ever() {
    let (mut buffer, root) = opened();
    (0..2 * MAX_LINKS).for_each(|_| buffer.add_link(root, SpanLink::default()));
    assert_eq!(buffer.rows[0].set.as_ref().unwrap().links.len(), MAX_LINKS);
}

fn random_value(rng: &mut fastrand::Rng) -> (String, u8) {
    const PARTS: [&str; 9] = ["a", "\"", "\\", "é", "\n", "🦀", "SELECT ", "https://u:p@h/?token=1", "\u{1}"];
    ((0..rng.usize(..6)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect(), rng.u8(..5))
}

/// Whatever a span says: what it writes is what its record is.
#[test]
fn a_span_writes_what_its_record_is() {
    static READER: Reader = Reader {
        site: |data| Site { line: Some(7), file: data.downcast_ref::<&str>().copied(), module: None },
        telling: |_| Some(|key| key == "db.query.text"),
        describe: |data, span| {
            span.description = data.downcast_ref::<&str>().map(|&text| text.into());
            if let Some(text) = span.data.text("db.query.text") {
                span.description = Some(text);
            }
            None
        },
    };
    static CALLSITES: [Callsite; 3] = [
        Callsite { data: &"load", reader: &READER },
        Callsite { data: &"\"\n", reader: &READER },
        Callsite { data: &"https://u:p@h/", reader: &READER },
    ];
    let mut rng = fastrand::Rng::with_seed(11);
    let callsites = Callsites::default();
    let rules = EventScrubber::new().rules(false);
    for _ in 0..500 {
        let mut buffer = Buffer::default();
        for id in 1..=rng.u8(1..20) {
            let mut fields = Fields::new();
            for _ in 0..rng.usize(..50) {
                let (text, kind) = random_value(&mut rng);
                let value = match kind {
                    0 => rng.i64(..).into(),
                    1 => rng.u64(..).into(),
                    2 => f64::from_bits(rng.u64(..)).into(),
                    3 => rng.bool().into(),
                    _ => FieldValue::Str(&text),
                };
                match rng.bool() {
                    true => fields.push(
                        ["row", "db.query.text", "thread.id", "code.line.number"][rng.usize(..4)],
                        value,
                    ),
                    false => fields.push_owned_key(&random_value(&mut rng).0, value),
                }
            }
            let start = rng.u64(..1_000_000_000);
            let mut opening = opening(id, &fields, after(start));
            if let Some(callsite) = CALLSITES.get(rng.usize(..5)) {
                opening.origin = Origin::Layer(*callsite);
            }
            let slot = buffer.open(opening).unwrap();
            if rng.bool() {
                buffer.record(slot, &fields);
            }
            if rng.u8(..4) == 0 {
                buffer.set_name(slot, random_value(&mut rng).0.into());
                buffer.add_link(slot, SpanLink::default());
            }
            buffer.close(slot, after(start + rng.u64(..5_000_000)), SpanStatus::Ok);
        }
        buffer.fit();
        let mut describer = callsites.describer(Some(&rules));
        let mut finished =
            buffer.finished(TraceId::from_bytes([9; 16]), at, |span, made| describer.describe(span, made));
        let mut spans: Vec<_> = finished.children.iter().cloned().map(FinishedSpan::into_record).collect();
        if rng.bool() {
            let _ = finished.children.iter_mut().map(|span| rules.scrub(span, &mut Meta::default())).count();
            let _ = spans.iter_mut().map(|span| rules.scrub(span, &mut Meta::default())).count();
        }
        let mut root = finished.root.unwrap();
        root.description = root.description.filter(|_| rng.bool()); // it is the name of the transaction
        let mut expected = Transaction { spans, ..Transaction::default() };
        expected.contexts.trace = Some(trace_context(root.clone().into_record()));
        expected.contexts.other.insert("loan".into(), serde_json::json!({ "id": 7 }));
        let mut transaction = Transaction::default();
        transaction.contexts.other.clone_from(&expected.contexts.other);
        let root = AsTraceContext(&root);
        let item = Item::transaction_with_spans(&mut transaction, Some(&root), &finished.children).unwrap();
        let expected = Item::transaction(&expected).unwrap();
        assert_eq!(item.decode::<Value>().unwrap(), expected.decode::<Value>().unwrap());
    }
}
