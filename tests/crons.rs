//! Check-ins: of a job that runs, fails, panics or is dropped, by hand and by the attribute (features M01 to M03).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use serde_json::json;
use support::clock::Wound;
use tokio::runtime::Builder;
use tokio_cron_scheduler::{Job, JobScheduler};
use watchpost::protocol::CheckIn;
use watchpost::{CheckInStatus, Crontab, IntervalUnit, monitor};
use watchpost_testkit::{Captured, capture, capture_with, options};

/// The statuses in the order in which they arrived. All are of one run, and only its end has a duration.
fn statuses(captured: &Captured) -> Vec<CheckInStatus> {
    let check_ins = captured.check_ins();
    assert!(check_ins.windows(2).all(|pair| pair[0].check_in_id == pair[1].check_in_id), "{check_ins:?}");
    for CheckIn { status, duration, .. } in &check_ins {
        assert_eq!(duration.is_some(), *status != CheckInStatus::InProgress);
    }
    check_ins.iter().map(|check_in| check_in.status).collect()
}

const OK: [CheckInStatus; 2] = [CheckInStatus::InProgress, CheckInStatus::Ok];
const FAILED: [CheckInStatus; 2] = [CheckInStatus::InProgress, CheckInStatus::Error];

#[test]
fn how_long_a_run_took_is_by_the_clock_of_the_client() {
    let clock = Wound::new();
    let captured = capture_with(options().clock(clock.clone()), || {
        monitor("job").unwrap().run(|| clock.set(90));
    });
    assert_eq!(captured.check_ins()[1].duration, Some(90.0));
}

#[test]
fn a_job_checks_in_when_it_begins_and_when_it_ends() {
    let captured = capture(|| assert_eq!(monitor("job").unwrap().run(|| Ok::<_, ()>(7)), Ok(7)));
    assert_eq!(statuses(&captured), OK);
    let failed = capture(|| assert!(monitor("job").unwrap().run(|| "x".parse::<u8>()).is_err()));
    assert_eq!(statuses(&failed), FAILED);
    assert!(failed.events().is_empty(), "a failure is no issue by itself");
}

#[test]
fn a_panic_is_a_failure_and_goes_on() {
    let captured = capture(|| {
        let job = || monitor("job").unwrap().run(|| -> () { panic!("in the job") });
        assert!(catch_unwind(AssertUnwindSafe(job)).is_err());
    });
    assert_eq!(statuses(&captured), FAILED);
}

#[test]
fn a_future_that_is_dropped_half_way_has_failed_and_one_that_was_never_polled_has_not_begun() {
    let pending = || async { monitor("job").unwrap().run_async(std::future::pending::<()>()).await };
    let captured =
        capture(|| assert!(pin!(pending()).poll(&mut Context::from_waker(Waker::noop())).is_pending()));
    assert_eq!(statuses(&captured), FAILED);
    assert!(capture(|| drop(pending())).check_ins().is_empty());
}

#[test]
fn the_schedule_creates_the_monitor_and_goes_with_both() {
    let options = options().release("shop@1").unwrap().environment("staging").unwrap();
    let captured = capture_with(options, || {
        let monitor = monitor("nightly-billing").unwrap().schedule("0 3 * * *").unwrap();
        let monitor = monitor.timezone("Europe/Vienna").checkin_margin(5).max_runtime(30);
        monitor.failure_issue_threshold(2).recovery_threshold(1).owner("team:billing").run(|| ());
    });
    for check_in in captured.check_ins() {
        assert_eq!(
            json!(check_in.monitor_config),
            json!({
                "schedule": {"type": "crontab", "value": "0 3 * * *"}, "timezone": "Europe/Vienna",
                "checkin_margin": 5, "max_runtime": 30, "failure_issue_threshold": 2, "recovery_threshold": 1,
                "owner": "team:billing",
            })
        );
        assert_eq!(
            (check_in.release.as_deref(), check_in.environment.as_deref()),
            (Some("shop@1"), Some("staging"))
        );
    }
    let envelope = &captured.envelopes()[0];
    let trace = captured.check_ins()[0].contexts.as_ref().unwrap().trace.trace_id.to_string();
    assert_eq!(envelope.headers.trace.as_ref().unwrap().get("trace_id"), Some(&*trace));
    assert_eq!((envelope.headers.event_id, captured.envelopes().len()), (None, 2));
}

#[test]
fn a_heartbeat_and_a_run_in_two_places_are_check_ins_by_hand() {
    let captured = capture(|| {
        let import = monitor("import").unwrap().schedule((10, IntervalUnit::Minute)).unwrap();
        import.check_in(CheckInStatus::Ok).send();
        let id = import.check_in(CheckInStatus::InProgress).send();
        import.check_in(CheckInStatus::Error).id(id).duration(Duration::from_millis(1500)).send();
    });
    let [heartbeat, begun, ended] = captured.check_ins().try_into().unwrap();
    assert_ne!(heartbeat.check_in_id, begun.check_in_id);
    assert_eq!((ended.check_in_id, ended.duration), (begun.check_in_id, Some(1.5)));
    let schedule = json!(heartbeat.monitor_config.unwrap().schedule);
    assert_eq!(schedule, json!({"type": "interval", "value": 10, "unit": "minute"}));
}

#[test]
fn a_wrong_slug_or_schedule_is_told_at_the_door() {
    assert_eq!(monitor("").unwrap_err().to_string(), "the slug of a monitor must not be empty");
    assert_eq!(
        monitor(&"x".repeat(51)).unwrap_err().to_string(),
        "the slug of a monitor has 50 characters at most"
    );
    let wrong = |schedule: &str| monitor("job").unwrap().schedule(schedule).unwrap_err().to_string();
    assert_eq!(
        wrong("0 25 * * *"),
        "the hour of a crontab (2nd field) is 0 to 23, a range, `*`, or one with a /step"
    );
    assert!(wrong("@daily").starts_with("a crontab has five fields"));
    let interval = monitor("job").unwrap().schedule((0, IntervalUnit::Day)).unwrap_err();
    assert_eq!(interval.to_string(), "the interval of a monitor is one unit at least");
}

#[test]
fn without_a_client_a_job_runs_and_has_an_id() {
    let monitor = monitor("job").unwrap().crontab(Crontab::literal("0 * * * *"));
    assert_eq!(monitor.run(|| Ok::<_, ()>(1)), Ok(1));
    let id = monitor.check_in(CheckInStatus::Ok).send().to_string();
    assert_eq!((id.len(), &id[12..13]), (32, "4"));
}

mod by_attribute {
    use super::*;

    #[watchpost::monitor("nightly", schedule = "0 3 * * *", max_runtime = 30, timezone = "Europe/Vienna")]
    fn bill(customers: &[u32]) -> Result<u32, std::num::ParseIntError> {
        let most: u32 = "7".parse()?;
        if customers.is_empty() {
            return "".parse();
        }
        Ok(most + customers.len() as u32)
    }

    #[watchpost::monitor("nightly")]
    async fn bill_later<'a, F: Fn(u32) -> u32>(
        text: &'a str,
        twice: F,
    ) -> Result<u32, Box<dyn std::error::Error>>
    where
        &'a str: Send,
    {
        let number: u32 = text.parse()?;
        Ok(twice(number))
    }

    struct Shop {
        runs: u32,
    }

    impl Shop {
        #[watchpost::monitor("count", schedule = "* * * * *")]
        fn count(&mut self) {
            self.runs += 1;
        }

        /// It says no type that could be named.
        #[watchpost::monitor("list")]
        pub(super) async fn list(&self) -> impl watchpost::Outcome + use<> {}
    }

    /// What goes wrong in it is known by name, and what comes of it is not.
    type Doubled<T> = Result<T, std::num::ParseIntError>;

    #[watchpost::monitor("nested")]
    fn doubled(text: &str) -> Doubled<(impl Fn(u32) -> u32 + use<>, u32)> {
        let number: u32 = text.parse()?;
        Ok((move |times| times * number, number))
    }

    #[watchpost::monitor("nested")]
    async fn numbers<'a>(
        texts: &'a [&'a str],
    ) -> Result<impl Iterator<Item = u32> + use<'a>, std::num::ParseIntError> {
        let first: u32 = texts[0].parse()?;
        Ok(texts.iter().map(move |text| text.len() as u32 + first))
    }

    #[test]
    fn the_result_may_have_parts_without_a_name() {
        assert_eq!(statuses(&capture(|| assert_eq!(doubled("7").unwrap().0(2), 14))), OK);
        assert_eq!(statuses(&capture(|| assert!(doubled("x").is_err()))), FAILED);
        let runtime = Builder::new_current_thread().build().unwrap();
        let all = || runtime.block_on(numbers(&["1", "two"])).unwrap().sum::<u32>();
        assert_eq!(statuses(&capture(|| assert_eq!(all(), 6))), OK);
    }

    #[test]
    fn a_function_runs_as_before_and_checks_in() {
        let captured = capture(|| assert_eq!(bill(&[1, 2]), Ok(9)));
        assert_eq!(statuses(&captured), OK);
        let first = &captured.check_ins()[0];
        assert_eq!(first.monitor_slug.as_str(), "nightly");
        let config = json!(first.monitor_config);
        assert_eq!((&config["schedule"]["value"], &config["max_runtime"]), (&json!("0 3 * * *"), &json!(30)));
        assert_eq!(statuses(&capture(|| assert!(bill(&[]).is_err()))), FAILED);
    }

    #[test]
    fn so_does_an_async_one_a_generic_one_and_a_method() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let captured = capture(|| assert_eq!(runtime.block_on(bill_later("21", |it| it * 2)).unwrap(), 42));
        assert_eq!(statuses(&captured), OK);
        let failed = capture(|| assert!(runtime.block_on(bill_later("x", |it| it)).is_err()));
        assert_eq!(statuses(&failed), FAILED);

        let mut shop = Shop { runs: 0 };
        assert_eq!(statuses(&capture(|| shop.count())), OK);
        assert_eq!(shop.runs, 1);
        assert_eq!(statuses(&capture(|| drop(runtime.block_on(shop.list())))), OK);
    }
}

#[test]
fn what_a_scheduler_runs_checks_in_and_is_a_unit_of_work() {
    let captured = capture(|| {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let crontab: Crontab = "0 3 * * *".parse().unwrap();
            let mut scheduler = JobScheduler::new().await.unwrap();
            let nightly = monitor("nightly").unwrap().crontab(crontab.clone());
            let daily = Job::new_async(crontab.with_seconds(), nightly.clone().job(async |_, _| ()));
            scheduler.add(daily.unwrap()).await.unwrap();
            let (ran, mut runs) = tokio::sync::mpsc::unbounded_channel();
            let soon = Job::new_one_shot_async(
                Duration::ZERO,
                nightly.job(move |_, _| {
                    let ran = ran.clone();
                    async move {
                        watchpost::set_tag("night", "long");
                        ran.send(()).map_err(drop)
                    }
                }),
            );
            scheduler.add(soon.unwrap()).await.unwrap();
            scheduler.start().await.unwrap();
            runs.recv().await.unwrap();
            scheduler.shutdown().await.unwrap();
            watchpost::capture_message("in the morning");
        });
    });
    assert_eq!(statuses(&captured), OK);
    assert!(captured.events()[0].tags.is_empty(), "what a run sets ends with it");
}
