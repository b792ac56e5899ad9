//! Which features were on, and what users say (`protocol.md` §14.2, §14.3).

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationResult, OpenFeature, StructValue,
    async_trait,
};
use serde_json::{Value, json};
use watchpost::protocol::{Event, ItemType};
use watchpost::{
    Feedback, OpenFeatureHook, User, add_feature_flag, capture_feedback, capture_message, isolation_scope,
    last_event_id, set_tag, set_user, start_span, start_transaction, with_isolation_scope,
};
use watchpost_testkit::{Captured, capture, capture_with, options};

fn flags(event: &Event) -> &Value {
    event.contexts.other.get("flags").map_or(&Value::Null, |flags| &flags["values"])
}

fn feedback(captured: &Captured) -> Vec<Event> {
    let items = captured.envelopes().iter().flat_map(|envelope| &envelope.items);
    items.filter(|item| item.header.ty == ItemType::Feedback).map(|item| item.decode().unwrap()).collect()
}

#[test]
fn the_flags_of_a_request_are_on_its_errors_the_latest_last() {
    let captured = capture(|| {
        with_isolation_scope(|_| {
            add_feature_flag("checkout_v2", true);
            add_feature_flag("theme", "dark");
            add_feature_flag("checkout_v2", false);
            capture_message("inside");
        });
        capture_message("elsewhere");
    });
    let [inside, elsewhere] = captured.events().try_into().unwrap();
    assert_eq!(
        flags(&inside),
        &json!([{ "flag": "theme", "result": "dark" }, { "flag": "checkout_v2", "result": false }])
    );
    assert_eq!(flags(&elsewhere), &Value::Null);
}

#[test]
fn a_span_tells_of_the_first_ten_and_of_what_became_of_them() {
    let captured = capture(|| {
        let _task = start_transaction("task").enter();
        add_feature_flag("outer", true);
        let _part = start_span("part").enter();
        for flag in 0..12 {
            add_feature_flag(format!("flag-{flag}"), true);
        }
        add_feature_flag("flag-9", 7);
        add_feature_flag("flag-11", false);
    });
    let transaction = captured.transactions().remove(0);
    assert_eq!(transaction.contexts.trace.unwrap().data["flag.evaluation.outer"], true);
    assert!(!transaction.contexts.other.contains_key("flags"), "they are on errors only");
    let part = &transaction.spans[0].data;
    let told: Vec<&String> = part.keys().filter(|key| key.starts_with("flag.")).collect();
    assert_eq!(told.len(), 10, "{told:?}");
    assert_eq!(part["flag.evaluation.flag-9"], 7);
    assert!(!part.contains_key("flag.evaluation.outer") && !part.contains_key("flag.evaluation.flag-11"));
}

#[test]
fn a_span_that_is_not_recorded_costs_no_flag() {
    let unsampled = options().traces_sample_rate(0.0).unwrap();
    let captured = capture_with(unsampled, || {
        let _task = start_transaction("task").enter();
        add_feature_flag("checkout_v2", true);
        capture_message("inside");
    });
    assert_eq!(flags(&captured.events()[0]), &json!([{ "flag": "checkout_v2", "result": true }]));
}

#[test]
fn what_a_user_says_comes_with_the_error_that_it_is_about_and_with_what_the_scopes_know() {
    let mut ids = (None, None);
    let captured = capture(|| {
        with_isolation_scope(|_| {
            set_user(User::id("42"));
            set_tag("plan", "pro");
            add_feature_flag("checkout_v2", true);
            capture_message("it failed");
            let id = capture_feedback(Feedback {
                contact_email: Some("sam@example.org".into()),
                name: Some("Sam".into()),
                associated_event_id: last_event_id(),
                ..Feedback::new("The button does nothing")
            });
            ids = (last_event_id(), id);
        });
    });
    let event = feedback(&captured).remove(0);
    assert_eq!(Some(event.event_id), ids.1);
    assert_ne!(ids.0, ids.1, "feedback is no error: the last one is still the last");
    assert_eq!(event.level, Some(watchpost::Level::Info));
    assert_eq!(event.tags["plan"], "pro");
    assert_eq!(event.user, Some(User::id("42")));
    assert_eq!(flags(&event), &Value::Null, "flags are told of errors only");
    assert_eq!(
        event.contexts.other["feedback"],
        json!({
            "message": "The button does nothing", "contact_email": "sam@example.org", "name": "Sam",
            "associated_event_id": ids.0.unwrap().to_string(),
        })
    );
    assert_eq!(
        event.contexts.trace.unwrap().trace_id,
        captured.events()[0].contexts.trace.as_ref().unwrap().trace_id
    );
    let envelope =
        captured.envelopes().iter().find(|envelope| envelope.items[0].header.ty == ItemType::Feedback);
    assert_eq!(envelope.unwrap().headers.event_id, ids.1);
}

#[test]
fn feedback_is_not_sampled_and_before_send_is_not_asked() {
    let refused = options().sample_rate(0.0).unwrap().before_send(|_| None);
    let captured = capture_with(refused, || {
        capture_feedback(Feedback::new("hello"));
    });
    assert_eq!(feedback(&captured).len(), 1);

    let hooked = options().before_send_feedback(|mut event| {
        event.tags.insert("seen".into(), "yes".into());
        (event.contexts.other["feedback"]["message"] != "spam").then_some(event)
    });
    let captured = capture_with(hooked, || {
        capture_feedback(Feedback::new("hello"));
        capture_feedback(Feedback::new("spam"));
    });
    assert_eq!(feedback(&captured)[0].tags["seen"], "yes");
    assert_eq!(captured.losses(), ["before_send/feedback: 1"]);
}

#[test]
fn a_processor_of_the_scope_sees_feedback_and_a_long_message_is_cut() {
    let captured = capture(|| {
        isolation_scope().add_event_processor(|mut event| {
            event.tags.insert("processed".into(), "yes".into());
            Some(event)
        });
        capture_feedback(Feedback::new("ä".repeat(5_000)));
    });
    let event = feedback(&captured).remove(0);
    assert_eq!(event.tags["processed"], "yes");
    assert_eq!(event.contexts.other["feedback"]["message"].as_str().unwrap().chars().count(), 4_096);
}

#[test]
#[expect(deprecated, reason = "who comes with measurements keeps them")]
fn a_measurement_is_the_transactions() {
    let captured = capture(|| {
        let _task = start_transaction("task").enter();
        let _part = start_span("part").enter();
        watchpost::set_measurement("memory", 12.0, "byte");
        watchpost::set_measurement("rows", 3.0, "");
    });
    assert_eq!(
        json!(captured.transactions()[0].measurements),
        json!({ "memory": { "value": 12.0, "unit": "byte" }, "rows": { "value": 3.0 } })
    );
}

/// Knows one switch and one text, and fails at the rest.
struct Flags(ProviderMetadata);

#[async_trait]
impl FeatureProvider for Flags {
    fn metadata(&self) -> &ProviderMetadata {
        &self.0
    }

    async fn resolve_bool_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        Ok(ResolutionDetails::new(true))
    }

    async fn resolve_int_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        Err(unknown())
    }

    async fn resolve_float_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        Err(unknown())
    }

    async fn resolve_string_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        Ok(ResolutionDetails::new("dark"))
    }

    async fn resolve_struct_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        Err(unknown())
    }
}

fn unknown() -> EvaluationError {
    EvaluationError { code: EvaluationErrorCode::FlagNotFound, message: None }
}

#[test]
fn what_open_feature_evaluates_is_on_the_errors_that_come_after() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let captured = capture(|| {
        runtime.block_on(async {
            let mut api = OpenFeature::singleton_mut().await;
            api.set_provider(Flags(ProviderMetadata::new("flags"))).await;
            let flags = api.create_client().with_hook(OpenFeatureHook);
            assert_eq!(flags.get_bool_value("checkout_v2", None, None).await, Ok(true));
            assert_eq!(flags.get_string_value("theme", None, None).await.as_deref(), Ok("dark"));
            assert!(flags.get_int_value("limit", None, None).await.is_err());
            capture_message("out of stock");
        });
    });
    let expected = json!([{ "flag": "checkout_v2", "result": true }, { "flag": "theme", "result": "dark" }]);
    assert_eq!(flags(&captured.events()[0]), &expected);
}
