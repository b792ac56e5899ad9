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
    let request = crumb.data.get("http.request.method").zip(crumb.data.get("url"));
    if let Some((method, url)) = request {
        line = line.put(Style::Plain, apart).put(Style::Bold, &format::value(method));
        line = line.put(Style::Plain, " ").put(Style::Plain, &format::value(url));
        if let Some(status) = crumb.data.get("http.response.status_code") {
            line = line.put(Style::Dim, " → ").put(Style::Plain, &format::value(status));
        }
        apart = "  ";
    }
    let is_drawn = |key: &str| {
        request.is_some() && ["http.request.method", "url", "http.response.status_code"].contains(&key)
    };
    for (key, value) in crumb.data.iter().filter(|(key, _)| !is_drawn(key)) {
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
    fn of_a_request_the_address_comes_first() {
        let crumb = Breadcrumb::http()
            .data("http.request.method", "GET")
            .data("http.response.body.size", 4)
            .data("http.response.status_code", 200)
            .data("url", "https://stock.test/7");
        let event = Event { breadcrumbs: Values(vec![crumb]), ..Event::default() };
        let shown = picture(&event);
        assert!(shown.contains("GET https://stock.test/7 → 200  http.response.body.size=4"), "{shown}");
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
