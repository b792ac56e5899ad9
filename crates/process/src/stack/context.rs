//! Lines of source around a frame's own, where the sources are there.

use std::fs::File;
use std::io::Read;

use watchpost_protocol::Frame;
use watchpost_protocol::truncate::head;

/// A larger file is no source that somebody wrote.
const LARGEST: u64 = 2 * 1024 * 1024;
/// A longer line is cut.
const LONGEST: usize = 256;

/// Adds `lines` lines before and after to frames of the program's own.
pub(super) fn add(frames: &mut [Frame], lines: usize) {
    if lines == 0 {
        return;
    }
    let mut read: Vec<(String, Option<String>)> = Vec::new();
    for frame in frames.iter_mut().filter(|frame| frame.in_app == Some(true)) {
        let (Some(path), Some(line)) = (frame.abs_path.clone(), frame.lineno) else { continue };
        if !read.iter().any(|(known, _)| *known == path) {
            let source = source(&path);
            read.push((path.clone(), source));
        }
        let source = read.iter().find(|(known, _)| *known == path).and_then(|(_, source)| source.as_deref());
        if let Some(source) = source {
            around(frame, source, line as usize, lines);
        }
    }
}

fn source(path: &str) -> Option<String> {
    let file = File::open(path).ok()?;
    let is_source = file.metadata().ok().filter(|file| file.is_file() && file.len() <= LARGEST).is_some();
    let mut text = String::new();
    (is_source && file.take(LARGEST).read_to_string(&mut text).is_ok()).then_some(text)
}

fn around(frame: &mut Frame, source: &str, line: usize, lines: usize) {
    let first = line.saturating_sub(lines).max(1);
    let mut shown = source.lines().skip(first - 1).map(|line| head(line, LONGEST).to_owned());
    frame.pre_context = shown.by_ref().take(line - first).collect();
    frame.context_line = shown.next();
    frame.post_context = shown.take(lines).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(line: u32, lines: usize, in_app: bool) -> Frame {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stack/context.rs").to_owned();
        let mut frames =
            [Frame { abs_path: Some(path), lineno: Some(line), in_app: Some(in_app), ..Frame::default() }];
        add(&mut frames, lines);
        let [frame] = frames;
        frame
    }

    #[test]
    fn the_line_stands_between_those_around_it() {
        let line = line!();
        let frame = framed(line, 2, true);
        assert_eq!(frame.context_line.as_deref(), Some("        let line = line!();"));
        assert_eq!(frame.pre_context.len(), 2);
        assert_eq!(frame.pre_context[0], "    #[test]");
        assert_eq!(frame.post_context[0], "        let frame = framed(line, 2, true);");
    }

    #[test]
    fn a_file_has_a_beginning_and_an_end() {
        let frame = framed(1, 3, true);
        assert!(frame.pre_context.is_empty() && frame.context_line.is_some());
        assert_eq!(frame.post_context.len(), 3);
        assert_eq!(framed(1_000_000, 3, true).context_line, None);
    }

    #[test]
    fn nothing_is_read_for_others_and_unless_it_is_asked_for() {
        assert_eq!(framed(1, 3, false).context_line, None);
        assert_eq!(framed(1, 0, true).context_line, None);
    }
}
