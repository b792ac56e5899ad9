//! Where it happened: the application's own frames, the innermost first.

use watchpost_protocol::{Event, Frame};

use super::format::longest;
use super::page::{Line, Page, Style};

/// The application's own frames that are shown, the innermost first.
const FRAMES: usize = 12;
/// The frames that are shown if none is known to be the application's.
const LIBRARY_FRAMES: usize = 5;
/// How far a frame's place may be pushed to the right by its function's name.
const FUNCTION_COLUMNS: usize = 52;

pub(super) fn draw(page: &mut Page, event: &Event) {
    let frames = innermost_first(event);
    let own: Vec<&Frame> = frames.iter().copied().filter(|frame| frame.in_app == Some(true)).collect();
    // Nobody said what is the application's: then where it happened is the best guess.
    let shown: Vec<&Frame> = if own.is_empty() {
        frames.iter().copied().take(LIBRARY_FRAMES).collect()
    } else {
        own.iter().copied().take(FRAMES).collect()
    };
    let names: Vec<String> = shown.iter().map(|frame| function(frame)).collect();
    let column = longest(names.iter().map(String::as_str)).min(FUNCTION_COLUMNS);
    for (at, (frame, name)) in shown.iter().zip(&names).enumerate() {
        // The first is where to look.
        let (mark, style) = if at == 0 { ("  → ", Style::Bold) } else { ("    ", Style::Plain) };
        let line = Line::new().put(Style::Cyan, mark).put(style, name);
        page.push(line.clipped(column + 4).to(column + 6).put(Style::Dim, &place(frame)));
        if let (0, Some(source)) = (at, &frame.context_line) {
            page.push(Line::new().put(Style::Dim, "      │ ").put(Style::Cyan, source.trim()));
        }
    }
    let hidden = frames.len() - shown.len();
    if hidden > 0 {
        let only_libraries = !own.is_empty() && own.len() == shown.len();
        let noun = if hidden == 1 { "frame" } else { "frames" };
        let text = if only_libraries {
            format!("{hidden} {noun} of libraries")
        } else {
            format!("{hidden} more {noun}")
        };
        page.push(Line::new().put(Style::Dim, "    … ").put(Style::Dim, &text));
    }
}

/// The stack of the outermost error that has one, else of the thread that captured the event.
fn innermost_first(event: &Event) -> Vec<&Frame> {
    let of_error = event.exception.iter().rev().find_map(|exception| exception.stacktrace.as_ref());
    let current = || event.threads.iter().filter(|thread| thread.current != Some(false));
    let stack = of_error.or_else(|| current().find_map(|thread| thread.stacktrace.as_ref()));
    stack.into_iter().flat_map(|stack| stack.frames.iter().rev()).collect()
}

fn function(frame: &Frame) -> String {
    let name = frame.function.as_deref().or(frame.symbol.as_deref()).or(frame.module.as_deref());
    match (name, frame.instruction_addr) {
        (Some(name), _) => name.to_owned(),
        (None, Some(addr)) => addr.to_string(),
        (None, None) => "?".to_owned(),
    }
}

fn place(frame: &Frame) -> String {
    let file = frame.filename.as_deref().or(frame.abs_path.as_deref()).unwrap_or_default();
    match frame.lineno {
        Some(line) if !file.is_empty() => format!("{file}:{line}"),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn picture(event: &Event) -> String {
        let mut page = Page::new(100, false);
        draw(&mut page, event);
        page.finish()
    }

    #[test]
    fn without_frames_of_the_application_the_innermost_are_drawn() {
        let mut event = samples::event();
        for frame in event
            .exception
            .iter_mut()
            .flat_map(|each| &mut each.stacktrace)
            .flat_map(|stack| &mut stack.frames)
        {
            frame.in_app = None;
        }
        let shown = picture(&event);
        assert!(
            shown.contains("→ shop::checkout::charge_card") && shown.contains("… 20 more frames"),
            "{shown}"
        );
    }
}
