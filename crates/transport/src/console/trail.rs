//! What led up to it: the breadcrumbs, the oldest first.

use watchpost_protocol::{Breadcrumb, Event, Timestamp};

use super::format::longest;
use super::issue::color;
use super::page::{Line, Page, Style};
use super::{facts, format};

/// The newest breadcrumbs that are shown.
const CRUMBS: usize = 30;

pub(super) fn draw(page: &mut Page, event: &Event) {
    let hidden = event.breadcrumbs.len().saturating_sub(CRUMBS);
    if hidden > 0 {
        page.push(Line::new().put(Style::Dim, &format!("  … {hidden} earlier breadcrumbs")));
    }
    let crumbs = || event.breadcrumbs.iter().skip(hidden);
    let times: Vec<String> = crumbs().map(|crumb| when(crumb, event.timestamp)).collect();
    let time_end = 2 + longest(times.iter().map(String::as_str));
    let level_end = time_end + 2 + longest(crumbs().map(|crumb| crumb.level.as_str()));
    let category_end =
        level_end + 2 + longest(crumbs().filter_map(|crumb| crumb.category.as_deref())).min(24);
    for (crumb, time) in crumbs().zip(&times) {
        let category = crumb.category.as_deref().unwrap_or_default();
        let line = Line::new()
            .to(time_end - time.chars().count())
            .put(Style::Dim, time)
            .to(time_end + 2)
            .put(color(crumb.level), crumb.level.as_str())
            .to(level_end + 2)
            .put(Style::Cyan, category)
            .clipped(category_end)
            .to(category_end + 2);
        page.push(what(crumb, line));
    }
}

fn what(crumb: &Breadcrumb, mut line: Line) -> Line {
    let mut apart = "";
    if let Some(message) = &crumb.message {
        line = line.put(Style::Plain, message.trim_end());
        apart = "  ";
    }
    for (key, value) in &crumb.data {
        line = line.put(Style::Plain, apart).join(facts::pair(key, &format::value(value)));
        apart = "  ";
    }
    line
}

fn when(crumb: &Breadcrumb, event: Option<Timestamp>) -> String {
    match (crumb.timestamp, event) {
        (Some(crumb), Some(event)) => format::before(event.as_micros().saturating_sub(crumb.as_micros())),
        (Some(crumb), None) => format::clock(crumb),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Values;

    use super::super::samples;
    use super::*;

    fn picture(event: &Event) -> String {
        let mut page = Page::new(100, false);
        draw(&mut page, event);
        page.finish()
    }

    #[test]
    fn of_many_breadcrumbs_the_newest_are_drawn() {
        let mut event = samples::event();
        let crumbs = (0..100).map(|number| Breadcrumb::new(format!("crumb {number}")));
        event.breadcrumbs = Values(crumbs.collect());
        let shown = picture(&event);
        assert!(shown.contains("… 70 earlier breadcrumbs"), "{shown}");
        assert!(!shown.contains("crumb 69\n") && shown.contains("crumb 70\n"), "{shown}");
    }
}
