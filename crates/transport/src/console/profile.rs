//! A profile, as the functions in which most of the time went.

use std::collections::{HashMap, HashSet};

use watchpost_protocol::profile::{ChunkSample, ElapsedSample, Samples};
use watchpost_protocol::{Profile, ProfileChunk};

use super::format;
use super::page::{Line, Page, Style};

/// So many functions are shown.
const HOTTEST: usize = 5;

pub(super) fn chunk(page: &mut Page, chunk: &ProfileChunk) {
    let stack = |sample: &ChunkSample| sample.stack_id;
    draw(page, "profile", &chunk.profile, stack);
}

pub(super) fn of_transaction(page: &mut Page, profile: &Profile) {
    let stack = |sample: &ElapsedSample| sample.stack_id;
    draw(page, &format!("profile of {}", profile.transaction.name), &profile.profile, stack);
}

/// In how many samples a function was the innermost of the program's own, and in how many it was at all: its own time, with that of the libraries
/// that it calls, and the time of everything that it calls.
#[derive(Default)]
struct Share {
    own: usize,
    all: usize,
}

fn draw<S>(page: &mut Page, title: &str, profile: &Samples<S>, stack: impl Fn(&S) -> usize) {
    let all = profile.samples.len();
    let (samples, threads) = (format::count(all as u64), format::count(profile.thread_metadata.len() as u64));
    let line = Line::new().put(Style::Bold, title);
    page.push(line.put(Style::Dim, &format!("  samples: {samples}, threads: {threads}")));
    for (function, share) in hottest(profile, stack) {
        let percent = |part: usize| format!("{:>5.1} %", 100.0 * part as f64 / all.max(1) as f64);
        let line = Line::new().put(Style::Yellow, &format!("  {} ", percent(share.own)));
        page.push(line.put(Style::Dim, &format!("of {}  ", percent(share.all))).put(Style::Plain, function));
    }
}

/// Those with the most own time. Of frames without a name nothing can be said.
fn hottest<S>(profile: &Samples<S>, stack: impl Fn(&S) -> usize) -> Vec<(&str, Share)> {
    let frame = |at: &usize| profile.frames.get(*at);
    let mut shares: HashMap<&str, Share> = HashMap::new();
    for sample in &profile.samples {
        let frames = profile.stacks.get(stack(sample)).into_iter().flatten().filter_map(frame);
        let named: Vec<_> =
            frames.filter_map(|frame| Some((frame.function.as_deref()?, frame.in_app))).collect();
        let innermost = named.iter().position(|(_, in_app)| *in_app == Some(true)).unwrap_or(0);
        let mut seen = HashSet::new();
        for (depth, (name, _)) in named.into_iter().enumerate() {
            let share = shares.entry(name).or_default();
            share.own += usize::from(depth == innermost);
            share.all += usize::from(seen.insert(name)); // once, however deep it calls itself
        }
    }
    let mut shares: Vec<_> = shares.into_iter().filter(|(_, share)| share.own > 0).collect();
    shares.sort_by(|(a, x), (b, y)| (y.own, y.all).cmp(&(x.own, x.all)).then_with(|| a.cmp(b)));
    shares.truncate(HOTTEST);
    shares
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Frame;
    use watchpost_protocol::profile::ThreadMetadata;

    use super::*;

    #[test]
    fn the_hottest_functions_come_first_with_what_they_call() {
        let frame = |name: &str| Frame {
            function: Some(name.to_owned()),
            in_app: Some(name.starts_with("shop::")),
            ..Frame::default()
        };
        let sample = |stack_id| ChunkSample { stack_id, thread_id: "1".into(), ..ChunkSample::default() };
        let mut profile = Samples {
            frames: vec![frame("shop::total"), frame("shop::main"), frame("shop::parse"), frame("memcpy")],
            stacks: vec![vec![0, 1], vec![3, 2, 1], vec![0, 0, 1]],
            samples: vec![sample(0), sample(0), sample(2), sample(1)],
            ..Samples::default()
        };
        profile.thread_metadata.insert("1".into(), ThreadMetadata::default());
        let mut page = Page::new(100, false);
        chunk(&mut page, &ProfileChunk { profile, ..ProfileChunk::default() });
        assert_eq!(
            page.finish().lines().map(|line| line.trim_start_matches('▌').trim_end()).collect::<Vec<_>>(),
            [
                " profile  samples: 4, threads: 1",
                "    75.0 % of  75.0 %  shop::total",
                "    25.0 % of  25.0 %  shop::parse",
                "",
            ]
        );
    }
}
