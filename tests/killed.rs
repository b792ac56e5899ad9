//! A process that is killed: this program starts itself as a child that captures, kills it at whatever moment, and starts it again. What the
//! spool had accepted arrives, and no more of it twice than one envelope for each kill.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use support::directory::Directory;
use support::server::{Answer, OK, Server};
use watchpost::{Envelope, Event, Level, Options};

/// Makes this program the child, which does this.
const TASK: &str = "WATCHPOST_TEST_TASK";
const DSN: &str = "WATCHPOST_TEST_DSN";
const DIRECTORY: &str = "WATCHPOST_TEST_DIRECTORY";

const LONG: Duration = Duration::from_secs(60);

fn main() {
    match std::env::var(TASK).as_deref() {
        Ok("send what is there") => drop(client().unwrap()),
        Ok("crash slowly") => crash_slowly(),
        Ok(first) => capture_for_ever(first.parse().unwrap()),
        Err(_) => {
            a_crash_is_kept_before_it_is_sent();
            whatever_the_spool_has_accepted_arrives_and_hardly_anything_twice();
            println!("test killed ... ok");
        }
    }
}

fn client() -> Result<watchpost::Guard, watchpost::InitError> {
    let (dsn, directory) = (std::env::var(DSN).unwrap(), std::env::var(DIRECTORY).unwrap());
    let options = Options::new().use_environment(false).dsn(dsn)?.default_integrations(false);
    // A small queue, so that much goes to the disk.
    watchpost::init(options.spool(directory).transport_queue_size(20).shutdown_timeout(LONG))
}

/// Until it is killed.
fn crash_slowly() {
    let _guard = client().unwrap();
    watchpost::capture_message_at(Level::Fatal, "0");
    std::thread::park();
}

/// Every tenth is a crash, as far as anybody can tell.
fn capture_for_ever(first: u64) {
    let _guard = client().unwrap();
    for number in first.. {
        let level = if number.is_multiple_of(10) { Level::Fatal } else { Level::Error };
        watchpost::capture_message_at(level, &number.to_string());
        println!("{number}");
        std::thread::sleep(Duration::from_millis(2)); // the work that it does
    }
}

/// The child, and what it says.
struct Program {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Program {
    fn start(server: &Server, directory: &Directory, task: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(TASK, task)
            .env(DSN, server.dsn())
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Program { child, said }
    }

    /// Waits until it has captured so many.
    fn captures(&mut self, count: u64) {
        let mut line = String::new();
        for _ in 0..count {
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it has ended by itself");
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// One that ends by itself.
    fn run_to_its_end(server: &Server, directory: &Directory) {
        assert!(Program::start(server, directory, "send what is there").child.wait().unwrap().success());
    }
}

fn numbers(envelope: &Envelope) -> Vec<u64> {
    let events = envelope.items.iter().filter(|item| item.header.ty.to_string() == "event");
    let message = |event: Event| event.logentry.unwrap().formatted.unwrap();
    events.map(|item| message(item.decode().unwrap()).parse().unwrap()).collect()
}

fn kept(directory: &Directory) -> Vec<u64> {
    directory.envelopes().iter().flat_map(numbers).collect()
}

fn a_crash_is_kept_before_it_is_sent() {
    let (server, directory) = (Server::start([Answer::Never]), Directory::new("crash"));
    let program = Program::start(&server, &directory, "crash slowly");
    assert_eq!(numbers(&server.next().envelope()), [0]);
    program.kill();
    assert_eq!(kept(&directory), [0]);
    Program::run_to_its_end(&server, &directory);
    assert_eq!(numbers(&server.next().envelope()), [0]);
    assert!(kept(&directory).is_empty());
}

fn whatever_the_spool_has_accepted_arrives_and_hardly_anything_twice() {
    const KILLS: u64 = 8;
    // An hour in which the server is gone now and then, for long enough to be believed.
    let weather = [(30, Answer::Says(OK)), (8, Answer::Closes), (20, Answer::Says(OK)), (3, Answer::Resets)];
    let hour = weather.iter().flat_map(|&(times, answer)| std::iter::repeat_n(answer, times));
    let server = Server::start(hour.clone().cycle().take(61 * 5).collect::<Vec<_>>());
    let directory = Directory::new("killed");
    let mut accepted = BTreeSet::new();
    for run in 0..KILLS {
        let mut program = Program::start(&server, &directory, &(run * 10_000 + 1).to_string());
        program.captures(100 + 67 * run % 250); // whatever it is doing then
        program.kill();
        accepted.extend(kept(&directory));
    }
    while !kept(&directory).is_empty() {
        Program::run_to_its_end(&server, &directory); // as often as the server goes away meanwhile
    }
    let mut arrived: BTreeMap<u64, u64> = BTreeMap::new();
    for request in server.rest().iter().filter(|request| request.answer == Answer::Says(OK)) {
        numbers(&request.envelope()).into_iter().for_each(|number| *arrived.entry(number).or_default() += 1);
    }
    let missing: Vec<_> = accepted.iter().filter(|number| !arrived.contains_key(number)).collect();
    assert_eq!(missing, [&0; 0], "of {} that the spool had accepted", accepted.len());
    assert!(accepted.len() > 100, "{} is hardly a story", accepted.len());
    let twice: u64 = arrived.values().map(|times| times - 1).sum();
    assert!(twice <= KILLS, "{twice} arrived more than once in {KILLS} kills");
}
