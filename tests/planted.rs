//! Secrets planted wherever a program may put something under a name of its own, in every kind of item, as deep and in as many spellings as
//! the dice say: none of them is on the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use watchpost::gen_ai::{self, Message};
use watchpost::protocol::AttributeValue;
use watchpost::protocol::exception::Stacktrace;
use watchpost::protocol::{
    Event, Exception, Frame, LogEntry, LogLevel, Mechanism, Request, Thread, Timestamp,
};
use watchpost::{
    Breadcrumb, CheckInStatus, Feedback, Options, User, add_breadcrumb, add_feature_flag, capture,
    capture_event, capture_feedback, isolation_scope, metrics, set_attribute, set_context, set_tag,
    start_span, start_transaction, with_isolation_scope,
};
use watchpost_core::scrub::{DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST};
use watchpost_core::{EventScrubber, api};
use watchpost_testkit::{Captured, capture_with, options};

/// How often all of it is planted anew.
const ROUNDS: u64 = 300;

/// What plants. The secret of each place is another, so that it is known which survived.
struct Plants {
    rng: Rng,
    /// Persons may be named, their secrets not.
    consent: bool,
    places: Vec<&'static str>,
}

impl Plants {
    /// The secret of a place.
    fn secret(&mut self, place: &'static str) -> String {
        self.places.push(place);
        secret_of(place)
    }

    /// A name of the lists as somebody else might write it.
    fn name(&mut self) -> String {
        let personal = DEFAULT_PII_DENYLIST.iter().filter(|_| !self.consent);
        let names: Vec<_> = DEFAULT_DENYLIST.iter().chain(personal).collect();
        let name = self.rng.choice(names).unwrap();
        let letter = |char: char| match char {
            '-' | '_' => self.rng.choice(['-', '_']).unwrap(),
            letter if self.rng.bool() => letter.to_ascii_uppercase(),
            letter => letter.to_ascii_lowercase(),
        };
        let name: String = name.chars().map(letter).collect();
        if self.rng.u8(..4) == 0 { format!("shop.{name}") } else { name }
    }

    /// For those who ask for a name that lives as long as the program.
    fn static_name(&mut self) -> &'static str {
        self.name().leak()
    }

    /// A value that holds the secret of a place under a name of the lists, at any depth.
    fn deep(&mut self, place: &'static str) -> Value {
        let (name, secret) = (self.name(), self.secret(place));
        let held = match self.rng.u8(..4) {
            0 => json!([1, { "a": secret }]),
            1 => json!({ "deep": [secret] }),
            _ => json!(secret),
        };
        let mut value = json!({ name: held });
        for _ in 0..self.rng.usize(..12) {
            value = if self.rng.bool() { json!({ "level": value }) } else { json!([0, value]) };
        }
        value
    }

    fn map(&mut self, place: &'static str) -> Map<String, Value> {
        Map::from_iter([("field".to_owned(), self.deep(place))])
    }

    /// A text in which the secret of a place stands as one does in a URL.
    fn url(&mut self, place: &'static str) -> String {
        let secret = self.secret(place);
        match self.rng.u8(..3) {
            0 => format!("https://ann:{secret}@api.test/v1"),
            1 => format!("https://api.test/v1?page=2&api_key={secret}"),
            _ => format!("https://{secret}:x@api.test/?token={secret}#sid={secret}"),
        }
    }
}

fn secret_of(place: &str) -> String {
    format!("hunter2_{}_end", place.replace(' ', "_")) // as it may stand in a URL, and no beginning of another
}

/// What is in the scopes: on everything that is captured in them.
fn fill_scopes(plants: &mut Plants) {
    set_tag(plants.name(), plants.secret("tag"));
    set_tag("seen", plants.url("URL in a tag"));
    set_context("loan", plants.map("context"));
    set_attribute(plants.name(), plants.secret("attribute of the scope"));
    set_attribute(plants.name(), AttributeValue::from(vec![plants.secret("list in an attribute")]));
    let user = User { other: plants.map("user"), ..User::id("42") };
    watchpost::set_user(user);
    #[expect(deprecated, reason = "it is still there, and filtered")]
    isolation_scope().set_extra("more", plants.deep("extra of a scope"));
    add_breadcrumb(Breadcrumb::new("said").data("field", plants.deep("breadcrumb")));
    add_breadcrumb(Breadcrumb::new(plants.url("message of a breadcrumb")));
    add_breadcrumb(Breadcrumb { other: plants.map("unknown field of a breadcrumb"), ..Breadcrumb::http() });
    add_feature_flag("theme", plants.deep("flag"));
    add_feature_flag(plants.name(), plants.secret("flag of that name"));
}

fn plant_events(plants: &mut Plants) {
    capture(&std::fmt::Error)
        .tag(plants.name(), plants.secret("tag of a capture"))
        .extra("more", plants.deep("extra of a capture"))
        .context("cart", plants.map("context of a capture"))
        .send();
    let frame = |plants: &mut Plants, place| Frame { vars: plants.map(place), ..Frame::default() };
    let stack = |frame| Some(Stacktrace { frames: vec![frame], ..Stacktrace::default() });
    let exception = Exception {
        ty: Some("Declined".into()),
        value: Some(plants.url("text of an error")),
        stacktrace: stack(frame(plants, "variable of a frame")),
        mechanism: Some(Mechanism {
            data: plants.map("data of a mechanism"),
            meta: plants.map("meta of a mechanism"),
            description: Some(plants.url("description of a mechanism")),
            ..Mechanism::default()
        }),
        other: plants.map("unknown field of an exception"),
        ..Exception::default()
    };
    let request = Request {
        url: Some(plants.url("URL of a request")),
        query_string: Some(format!("page=2&user_token={}", plants.secret("query")).into()),
        data: Some(plants.deep("body of a request")),
        cookies: Some(format!("theme=dark; session={}", plants.secret("cookie"))),
        headers: [("X-Auth-Token".into(), plants.secret("header"))].into(),
        env: [("HTTP_COOKIE".to_owned(), plants.secret("environment of a request"))].into(),
        other: plants.map("unknown field of a request"),
        ..Request::default()
    };
    let thread = Thread { stacktrace: stack(frame(plants, "variable of a thread")), ..Thread::default() };
    let logentry = LogEntry {
        formatted: Some(plants.url("message")),
        message: Some(plants.url("template")),
        params: vec![plants.deep("parameter of a message")],
        ..LogEntry::default()
    };
    capture_event(Event {
        exception: vec![exception].into(),
        request: Some(request),
        threads: vec![thread].into(),
        logentry: Some(logentry),
        transaction: Some(plants.url("name of an event")),
        fingerprint: vec![plants.url("fingerprint").into()],
        other: plants.map("unknown field of an event"),
        ..Event::default()
    });
}

fn plant_spans(plants: &mut Plants) {
    let root = start_transaction(plants.url("name of a transaction"))
        .attribute(plants.static_name(), &*plants.secret("attribute of a transaction"))
        .enter();
    root.set_attribute(plants.static_name(), &*plants.secret("attribute that came later"));
    let child = start_span(plants.url("name of a span"))
        .attribute(plants.static_name(), &*plants.secret("attribute of a span"))
        .start();
    child.set_attribute("url.full", &*plants.url("URL of a span"));
    child.set_attribute("http.request.header.cookie", &*plants.secret("header of a span"));
    drop(child);
    let arguments = plants.deep("arguments of a tool");
    let tool = gen_ai::tool("lookup").arguments(&arguments).start();
    gen_ai::record_result(&tool, &plants.deep("result of a tool"));
    drop(tool);
    let call = Message::tool_call("1", "lookup", plants.deep("call in a message"));
    drop(
        gen_ai::chat("m")
            .input(&[call])
            .attribute(plants.static_name(), &*plants.secret("attribute of a chat"))
            .start(),
    );
}

fn plant_the_rest(plants: &mut Plants) {
    api::log(LogLevel::Info, Some("paid {password}"), |fields| {
        fields.push("password", plants.secret("parameter of a log").as_str().into());
        fields.push(plants.static_name(), plants.secret("attribute of a log").as_str().into());
        fields.push("seen", plants.url("URL in a log").as_str().into());
    });
    metrics::count("sold", 1)
        .attribute(plants.static_name(), &*plants.secret("attribute of a metric"))
        .attribute("seen", &*plants.url("URL in a metric"));
    let monitor = watchpost::monitor("nightly").unwrap();
    monitor.check_in(CheckInStatus::Ok).duration(Duration::from_secs(3)).send();
    let feedback = Feedback {
        url: Some(plants.url("URL of feedback")),
        other: plants.map("unknown field of feedback"),
        ..Feedback::new(plants.url("message of feedback"))
    };
    capture_feedback(feedback);
    watchpost::start_session();
    watchpost::end_session();
}

/// All of it, and the places where something was planted.
fn planted(seed: u64, consent: bool, options: Options) -> (Captured, Vec<&'static str>) {
    let mut plants = Plants { rng: Rng::with_seed(seed), consent, places: Vec::new() };
    let options = options
        .send_default_pii(consent)
        .enable_logs(true)
        .max_depth(100)
        .max_breadth(100)
        .release("shop@1.0.0")
        .unwrap();
    let captured = capture_with(options, || {
        with_isolation_scope(|_| {
            fill_scopes(&mut plants);
            plant_events(&mut plants);
            plant_spans(&mut plants);
            plant_the_rest(&mut plants);
        });
    });
    (captured, plants.places)
}

/// Everything that left the process, as it was on the wire.
fn wire(captured: &Captured) -> String {
    let bytes = captured.envelopes().iter().flat_map(|envelope| envelope.to_vec(Timestamp::from_micros(0)));
    String::from_utf8(bytes.collect()).unwrap()
}

/// The kinds of items that were sent, each once.
fn kinds(captured: &Captured) -> Vec<String> {
    let items = captured.envelopes().iter().flat_map(|envelope| &envelope.items);
    let mut kinds: Vec<String> = items.map(|item| item.header.ty.to_string()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

const KINDS: [&str; 7] = ["check_in", "event", "feedback", "log", "sessions", "trace_metric", "transaction"];

#[test]
fn no_secret_survives_in_any_kind_of_item() {
    for seed in 0..ROUNDS {
        // To ask for persons, and for what is said to a model, is not to ask for secrets.
        let (captured, places) = planted(seed, seed % 2 == 1, options());
        assert_eq!(kinds(&captured), KINDS, "seed {seed}");
        let sent = wire(&captured);
        let survived: Vec<_> = places.iter().filter(|place| sent.contains(&secret_of(place))).collect();
        assert_eq!(survived, [] as [&&str; 0], "seed {seed}");
    }
}

/// Or else there would be nothing to be filtered.
#[test]
fn every_secret_is_sent_where_nothing_is_filtered() {
    let nothing: Option<EventScrubber> = None;
    let (captured, places) = planted(7, true, options().event_scrubber(nothing));
    let sent = wire(&captured);
    let missing: Vec<_> = places.iter().filter(|place| !sent.contains(&secret_of(place))).collect();
    assert_eq!(missing, [] as [&&str; 0]);
}
