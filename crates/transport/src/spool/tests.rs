use watchpost_protocol::{Category, DiscardReason, DiscardedEvent, Item};

use super::*;

/// A directory of its own, removed in the end.
struct Scene {
    directory: PathBuf,
    losses: Losses,
}

const ERROR: Rank = Rank { level: 1, category: Category::Error };
const TRACE: Rank = Rank { level: 3, category: Category::Transaction };

impl Scene {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("watchpost-spool-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        Scene { directory, losses: Losses::default() }
    }

    fn options(&self) -> SpoolOptions {
        SpoolOptions::new(&self.directory)
    }

    fn spool(&self) -> FileSpool {
        spool_for(&self.options(), "http://key@localhost/42")
    }

    fn keep(&self, spool: &FileSpool, rank: Rank, text: &str) -> Result<(), Refused> {
        spool.keep(&envelope(text), rank, Room::Make, &self.losses).map(drop)
    }

    /// What is handed out and sent, in this order.
    fn send_all(&self, spool: &FileSpool) -> Vec<String> {
        let next = || {
            let (envelope, claim) = spool.next(&|_| true, &self.losses)?;
            claim.settle();
            Some(text(&envelope))
        };
        std::iter::from_fn(next).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.directory).unwrap().map(|file| file.unwrap().path()).collect()
    }

    fn lost(&self) -> Vec<(DiscardReason, Category, u64)> {
        let line = |line: &DiscardedEvent| (line.reason, line.category, line.quantity);
        self.losses.lines().iter().map(line).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn spool_for(options: &SpoolOptions, dsn: &str) -> FileSpool {
    FileSpool::new(options, Some(&dsn.parse().unwrap()))
}

fn envelope(text: &str) -> Envelope {
    let mut envelope = Envelope::default();
    envelope.items.push(Item::json("event".into(), &text).unwrap());
    envelope
}

fn text(envelope: &Envelope) -> String {
    assert_eq!(envelope.headers, Envelope::default().headers, "as it was kept");
    envelope.items[0].decode().unwrap()
}

#[test]
fn what_is_kept_comes_back_by_importance_and_then_by_age() {
    let scene = Scene::new("order");
    let spool = scene.spool();
    for (rank, text) in [(TRACE, "trace"), (ERROR, "first"), (ERROR, "second")] {
        scene.keep(&spool, rank, text).unwrap();
    }
    let kept = fs::read_to_string(&scene.files()[0]).unwrap();
    assert!(!kept.contains("sent_at") && !kept.contains("key@"), "{kept}");
    let next_process = scene.spool();
    assert_eq!(scene.send_all(&next_process), ["first", "second", "trace"]);
    assert!(scene.files().is_empty() && scene.send_all(&spool).is_empty());
    assert_eq!(scene.lost(), []);
}

#[test]
fn nothing_is_handed_out_twice_at_a_time() {
    let scene = Scene::new("claims");
    let (one, other) = (scene.spool(), scene.spool());
    let claim = one.keep(&envelope("mine"), ERROR, Room::Make, &scene.losses).unwrap();
    assert!(other.next(&|_| true, &scene.losses).is_none(), "it belongs to who keeps it");
    drop(claim);
    let (_, claim) = other.next(&|_| true, &scene.losses).unwrap();
    assert!(one.next(&|_| true, &scene.losses).is_none(), "it belongs to the other");
    drop(claim);
    let (_, claim) = one.next(&|_| true, &scene.losses).unwrap();
    claim.settle();
    assert!(other.next(&|_| true, &scene.losses).is_none());
}

#[test]
fn one_that_comes_back_is_behind_the_others() {
    let scene = Scene::new("returned");
    let spool = scene.spool();
    scene.keep(&spool, ERROR, "bad").unwrap();
    scene.keep(&spool, TRACE, "good").unwrap();
    let (first, claim) = spool.next(&|_| true, &scene.losses).unwrap();
    assert_eq!(text(&first), "bad");
    drop(claim);
    assert_eq!(scene.send_all(&spool), ["good", "bad"]);
}

#[test]
fn beyond_a_bound_the_least_important_and_oldest_goes_and_is_counted() {
    let scene = Scene::new("bounds");
    let spool = spool_for(&scene.options().max_envelopes(2), "http://key@localhost/42");
    scene.keep(&spool, TRACE, "old trace").unwrap();
    scene.keep(&spool, TRACE, "trace").unwrap();
    let refused = spool.keep(&envelope("no room"), TRACE, Room::Find, &scene.losses).map(drop);
    assert_eq!((refused, scene.lost()), (Err(Refused::Full), vec![]));
    scene.keep(&spool, ERROR, "error").unwrap();
    assert_eq!(scene.lost(), [(DiscardReason::CacheOverflow, Category::Error, 1)], "all are events here");
    scene.keep(&spool, ERROR, "another error").unwrap();
    assert_eq!(scene.keep(&spool, TRACE, "too late"), Err(Refused::Full));
    assert_eq!(scene.send_all(&spool), ["error", "another error"]);

    let small = spool_for(&scene.options().max_bytes(300), "http://key@localhost/42");
    scene.keep(&small, TRACE, &"a".repeat(100)).unwrap();
    assert_eq!(scene.keep(&small, TRACE, &"b".repeat(400)), Err(Refused::Full), "whatever goes");
    scene.keep(&small, TRACE, &"c".repeat(100)).unwrap();
    assert_eq!(scene.send_all(&small), ["c".repeat(100)]);
}

#[test]
fn what_is_too_old_goes_and_is_counted() {
    let scene = Scene::new("age");
    scene.keep(&scene.spool(), ERROR, "old").unwrap();
    let impatient = spool_for(&scene.options().max_age(Duration::ZERO), "http://key@localhost/42");
    assert!(impatient.next(&|_| true, &scene.losses).is_none());
    assert_eq!(scene.lost(), [(DiscardReason::CacheOverflow, Category::Error, 1)]);
    assert!(scene.files().is_empty());
}

#[test]
fn what_is_for_another_project_waits_for_it() {
    let scene = Scene::new("dsn");
    scene.keep(&scene.spool(), ERROR, "for 42").unwrap();
    let other = spool_for(&scene.options(), "http://key@localhost/43");
    assert!(other.next(&|_| true, &scene.losses).is_none());
    let renamed = scene.directory.join(Name::new(ERROR, other.shared.server, SystemTime::now()).file());
    fs::rename(&scene.files()[0], &renamed).unwrap();
    let other = spool_for(&scene.options(), "http://key@localhost/43");
    assert!(other.next(&|_| true, &scene.losses).is_none(), "what the file says counts");
    let name = Name::new(ERROR, scene.spool().shared.server, SystemTime::now()).file();
    fs::rename(renamed, scene.directory.join(name)).unwrap();
    let new_key = spool_for(&scene.options(), "http://another@localhost/42");
    assert_eq!(scene.send_all(&new_key), ["for 42"], "a key that was changed is the same project");
}

#[test]
fn foreign_and_broken_files_harm_nobody() {
    let scene = Scene::new("broken");
    let spool = scene.spool();
    scene.keep(&spool, ERROR, "whole").unwrap();
    scene.keep(&spool, TRACE, "cut").unwrap();
    scene.keep(&spool, TRACE, "emptied").unwrap();
    let mut traces = scene.files();
    traces.retain(|file| file.file_name().unwrap().to_str().unwrap().starts_with('3'));
    let cut = fs::read(&traces[0]).unwrap();
    fs::write(&traces[0], &cut[..cut.len() - 4]).unwrap();
    fs::write(&traces[1], "").unwrap();
    let server = spool.shared.server;
    let long_ago = SystemTime::now() - 2 * ABANDONED;
    fs::write(scene.directory.join(Name::new(ERROR, server, long_ago).part_file()), "half").unwrap();
    let being_written = scene.directory.join(Name::new(ERROR, server, SystemTime::now()).part_file());
    fs::write(&being_written, "half").unwrap();
    fs::create_dir(scene.directory.join("a directory")).unwrap();
    let foreign = scene.directory.join("notes.txt");
    fs::write(&foreign, "mine").unwrap();

    assert_eq!(scene.send_all(&scene.spool()), ["whole"]);
    assert_eq!(scene.lost(), [(DiscardReason::InternalSdkError, Category::Transaction, 1)]);
    let mut left = scene.files();
    left.sort();
    assert_eq!(left, [being_written, scene.directory.join("a directory"), foreign]);
}

#[test]
fn a_directory_that_is_removed_is_made_again() {
    let scene = Scene::new("removed");
    let spool = scene.spool();
    scene.keep(&spool, ERROR, "gone").unwrap();
    fs::remove_dir_all(&scene.directory).unwrap();
    assert!(spool.next(&|_| true, &scene.losses).is_none());
    scene.keep(&spool, ERROR, "kept").unwrap();
    assert_eq!(scene.send_all(&spool), ["kept"]);
}

#[test]
fn where_nothing_can_be_written_it_says_so() {
    let scene = Scene::new("blocked");
    fs::write(&scene.directory, "a file where the directory should be").unwrap();
    let spool = scene.spool();
    let refused = scene.keep(&spool, ERROR, "one").unwrap_err().to_string();
    assert!(refused.contains(scene.directory.to_str().unwrap()), "{refused}");
    assert!(spool.next(&|_| true, &scene.losses).is_none());
    assert!(spool.shared.index().files.is_empty(), "its place is free again");
    fs::remove_file(&scene.directory).unwrap();
    assert!(scene.keep(&spool, ERROR, "two").is_ok());
}

#[cfg(unix)]
#[test]
fn others_cannot_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new("mode");
    scene.keep(&scene.spool(), ERROR, "private").unwrap();
    for path in [&scene.directory, &scene.files()[0]] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
    }
}
