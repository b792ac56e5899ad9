//! The programs that panic, and what is to be seen of each.

use std::io::{Error, ErrorKind};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Duration;
use std::{env, panic, thread};

use watchpost::{Delivery, Envelope, Event, Options, Transport};
use watchpost_testkit::options;

/// Says on stderr what is sent, and what is lost.
struct Aloud;

impl Transport for Aloud {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        for item in &envelope.items {
            match item.decode::<Event>() {
                Ok(event) if !event.exception.is_empty() => {
                    eprintln!("sent: {}", event.exception[0].value.as_deref().unwrap_or_default());
                }
                _ => eprintln!("sent: {}", String::from_utf8_lossy(&item.payload)),
            }
        }
        Delivery::Accepted { limits: Vec::new() }
    }
}

struct Closing;

impl Drop for Closing {
    fn drop(&mut self) {
        panic!("the drawer is stuck");
    }
}

/// A program that panics, and what is to be seen of it.
struct Scenario {
    name: &'static str,
    program: fn(),
    options: fn(Options) -> Options,
    /// What is sent, in any order.
    sent: &'static [&'static str],
    /// How many panics the hook of the program has seen.
    seen: usize,
    /// How it ends: `None` by an abort.
    code: Option<i32>,
    /// Where the first panic is the end already, other things are to be seen: what is sent, and how many panics. `None`: it does not panic.
    aborting: Option<(&'static [&'static str], usize)>,
}

const TILL: &[&str] = &["the till is empty"];

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "main",
        program: || panic!("the till is empty"),
        options: |options| options,
        sent: TILL,
        seen: 1,
        code: Some(101),
        aborting: Some((TILL, 1)),
    },
    Scenario {
        name: "thread",
        program: || drop(thread::spawn(|| panic!("the till is empty")).join()),
        options: |options| options,
        sent: TILL,
        seen: 1,
        code: Some(0),
        aborting: Some((TILL, 1)),
    },
    Scenario {
        name: "destructor",
        program: || drop(Closing),
        options: |options| options,
        sent: &["the drawer is stuck"],
        seen: 1,
        code: Some(101),
        aborting: Some((&["the drawer is stuck"], 1)),
    },
    Scenario {
        name: "destructor_while_panicking",
        program: || {
            let _closing = Closing;
            panic!("the till is empty");
        },
        options: |options| options,
        sent: &["panic in a destructor during cleanup", "the drawer is stuck", "the till is empty"],
        seen: 3,
        code: None,
        aborting: Some((TILL, 1)),
    },
    Scenario {
        name: "before_send",
        program: || {
            watchpost::capture_message("hello");
        },
        options: |options| options.before_send(|_| panic!("the hook is broken")),
        sent: &["before_send"],
        seen: 1,
        code: Some(0),
        aborting: Some((&[], 1)),
    },
    Scenario {
        name: "closed_pipe",
        program: || println!("nobody reads this"),
        options: |options| options,
        sent: &["event_processor"],
        seen: 1,
        code: Some(101),
        aborting: Some((&["event_processor"], 1)),
    },
    Scenario {
        name: "error_of_main",
        program: || drop(watchpost::report_main(Err::<(), _>(Error::other("the till is empty")))),
        options: |options| options,
        sent: TILL,
        seen: 0,
        code: Some(0),
        aborting: None,
    },
    Scenario {
        name: "error_of_main_that_is_a_closed_pipe",
        program: || drop(watchpost::report_main(Err::<(), _>(Error::from(ErrorKind::BrokenPipe)))),
        options: |options| options,
        sent: &["event_processor"],
        seen: 0,
        code: Some(0),
        aborting: None,
    },
    Scenario {
        name: "closed",
        program: || {
            watchpost::close(None);
            panic!("nobody listens");
        },
        options: |options| options,
        sent: &[],
        seen: 1,
        code: Some(101),
        aborting: Some((&[], 1)),
    },
];

pub(crate) fn run() -> ExitCode {
    if let Some(name) = env::args().nth(1).filter(|name| !name.starts_with('-')) {
        if let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.name == name) {
            play(scenario);
        }
        return ExitCode::SUCCESS;
    }
    let wrong: Vec<String> = SCENARIOS.iter().filter_map(watch).collect();
    wrong.iter().for_each(|wrong| eprintln!("{wrong}"));
    println!("{} programs that panic, {} of them not as they should", SCENARIOS.len(), wrong.len());
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(scenario: &Scenario) {
    panic::set_hook(Box::new(|_| eprintln!("seen")));
    let options = (scenario.options)(options()).transport(Aloud).shutdown_timeout(Duration::from_secs(60));
    let _guard = watchpost::init(options.integration(watchpost::process::PanicIntegration)).unwrap();
    (scenario.program)();
}

/// What is wrong with it.
fn watch(scenario: &Scenario) -> Option<String> {
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let program = env::current_exe().unwrap();
    let output = Command::new(program).arg(scenario.name).stdout(closed).stderr(Stdio::piped()).spawn();
    let output = output.unwrap().wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let sent: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("sent: ")).collect();
    let seen = text.lines().filter(|line| *line == "seen").count();
    let (code, expected) = match scenario.aborting.filter(|_| cfg!(panic = "abort")) {
        Some(aborting) => (None, aborting),
        None => (scenario.code, (scenario.sent, scenario.seen)),
    };
    let all_there = expected.0.iter().all(|part| sent.iter().any(|sent| sent.contains(part)));
    let right = all_there && sent.len() == expected.0.len() && seen == expected.1 && ended(&output, code);
    let problem = || format!("{}: sent {sent:?}, seen {seen}, {}", scenario.name, output.status);
    (!right).then(problem)
}

fn ended(output: &Output, code: Option<i32>) -> bool {
    output.status.code() == code || (code.is_none() && !output.status.success())
}
