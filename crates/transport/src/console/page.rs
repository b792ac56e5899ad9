//! Lines of styled text, safe to show on a terminal.

use std::fmt::Write as _;

/// The colours that every terminal has, in the user's own theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
    RedBold,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Bold => "\x1b[1m",
            Style::Dim => "\x1b[2m",
            Style::Red => "\x1b[31m",
            Style::Green => "\x1b[32m",
            Style::Yellow => "\x1b[33m",
            Style::Blue => "\x1b[34m",
            Style::Cyan => "\x1b[36m",
            Style::RedBold => "\x1b[1;31m",
        }
    }
}

const RESET: &str = "\x1b[0m";

/// One line, made of styled pieces. All text is neutralised on its way in, so that nothing a program reports can move the
/// cursor, change the title or hide what follows.
///
/// One `char` counts as one column. That is wrong for wide and combining characters, and only costs alignment.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Line::default()
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn put(mut self, style: Style, text: &str) -> Self {
        let text = neutral(text);
        self.width += text.chars().count();
        self.pieces.push((style, text));
        self
    }

    /// This line and then another one.
    pub(super) fn join(mut self, next: Line) -> Self {
        self.width += next.width;
        self.pieces.extend(next.pieces);
        self
    }

    /// Spaces up to a column; none if the line is there already.
    pub(super) fn to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width);
        self.put(Style::Plain, &" ".repeat(missing))
    }

    /// Everything up to a column, the last of it `…` if there was more.
    pub(super) fn clipped(mut self, columns: usize) -> Self {
        if self.width <= columns {
            return self;
        }
        let mut room = columns.saturating_sub(1);
        for (_, text) in &mut self.pieces {
            *text = text.chars().take(room).collect();
            room -= text.chars().count();
        }
        self.pieces.push((Style::Dim, "…".to_owned()));
        self.width = columns;
        self
    }

    /// This line with another one at the end of the row; the left one gives way.
    pub(super) fn with_right(self, right: Line, columns: usize) -> Self {
        let column = columns.saturating_sub(right.width);
        self.clipped(column.saturating_sub(2)).to(column).join(right)
    }
}

/// What one item looks like: lines behind a coloured edge.
#[derive(Debug)]
pub(super) struct Page {
    out: String,
    color: bool,
    columns: usize,
    edge: Style,
    section_begins: bool,
}

/// What stands before every line.
const EDGE: &str = "▌ ";

impl Page {
    /// `columns` is the whole width of the terminal.
    pub(super) fn new(columns: usize, color: bool) -> Self {
        Page {
            out: String::new(),
            color,
            columns: columns.max(MIN_COLUMNS),
            edge: Style::Dim,
            section_begins: false,
        }
    }

    /// The columns that a line may have behind the edge.
    pub(super) fn room(&self) -> usize {
        self.columns - EDGE.chars().count()
    }

    /// Sets the edge's colour from here on.
    pub(super) fn edge(&mut self, style: Style) {
        self.edge = style;
    }

    pub(super) fn push(&mut self, line: Line) {
        if std::mem::take(&mut self.section_begins) {
            self.push(Line::new());
        }
        let line = line.clipped(self.room());
        self.ink(self.edge, EDGE);
        for (style, text) in &line.pieces {
            self.ink(*style, text);
        }
        // Nobody wants to copy trailing blanks.
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    /// Leaves an empty line before the next one, if there is a next one.
    pub(super) fn section(&mut self) {
        self.section_begins = !self.out.is_empty();
    }

    pub(super) fn finish(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn ink(&mut self, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        let _ = if self.color && style != Style::Plain {
            write!(self.out, "{}{text}{RESET}", style.code())
        } else {
            self.out.write_str(text)
        };
    }
}

/// Narrower than this nothing can be drawn; the terminal may wrap it.
const MIN_COLUMNS: usize = 40;

/// Text without anything that a terminal would act on: control characters become their pictures (`␛`), and what changes the
/// direction of writing becomes `�`.
pub(super) fn neutral(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\t' => ' ',
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('�'),
            '\x7f' => '␡',
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => '�',
            other => other,
        })
        .collect()
}

/// Breaks text into rows of at most `columns`, between words where it can, and at its own line breaks.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut rows = Vec::new();
    for line in text.trim_end().lines() {
        let mut row: Vec<char> = Vec::new();
        for char in line.chars() {
            if row.len() == columns {
                // A break close to the end is worth it; most of a row of white is not.
                let space = row.iter().rposition(|char| *char == ' ').filter(|at| *at > columns / 4);
                let rest = space.map(|at| row.split_off(at + 1)).unwrap_or_default();
                rows.push(row.iter().collect::<String>().trim_end().to_owned());
                row = rest;
            }
            row.push(char);
        }
        rows.push(row.into_iter().collect());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_can_move_the_cursor() {
        let nasty = "a\x1b[2J\x1b]0;title\x07b\rc\nd\u{9b}1A\u{202e}\u{61c}e\x7f";
        let mut page = Page::new(80, false);
        page.push(Line::new().put(Style::Red, nasty));
        let shown = page.finish();
        assert_eq!(shown, "▌ a␛[2J␛]0;title␇b␍c␊d�1A��e␡\n\n");
    }

    #[test]
    fn colour_is_there_or_it_is_not() {
        let line = || Line::new().put(Style::Red, "no").put(Style::Plain, " way");
        let mut page = Page::new(80, true);
        page.push(line());
        assert_eq!(page.finish(), "\x1b[2m▌ \x1b[0m\x1b[31mno\x1b[0m way\n\n");
        let mut page = Page::new(80, false);
        page.push(line());
        assert_eq!(page.finish(), "▌ no way\n\n");
    }

    #[test]
    fn sections_that_stay_empty_leave_no_gap() {
        let mut page = Page::new(80, false);
        page.section();
        page.push(Line::new().put(Style::Plain, "a"));
        page.section();
        page.section();
        page.push(Line::new().put(Style::Plain, "b"));
        page.section();
        assert_eq!(page.finish(), "▌ a\n▌\n▌ b\n\n");
    }

    #[test]
    fn a_line_ends_at_the_terminal_and_the_right_part_stays() {
        let mut page = Page::new(40, false);
        page.push(Line::new().put(Style::Plain, &"x".repeat(50)));
        page.push(
            Line::new()
                .put(Style::Plain, &"x".repeat(50))
                .with_right(Line::new().put(Style::Dim, "14:13"), page.room()),
        );
        let shown = page.finish();
        let rows: Vec<&str> = shown.lines().collect();
        assert_eq!(rows[0], format!("▌ {}…", "x".repeat(37)));
        assert_eq!(rows[1], format!("▌ {}…  14:13", "x".repeat(30)));
    }

    #[test]
    fn text_is_wrapped_between_words_and_never_lost() {
        assert_eq!(wrap("the card was declined", 10), ["the card", "was", "declined"]);
        assert_eq!(wrap("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("one\ntwo\n\n", 10), ["one", "two"]);
        assert_eq!(wrap("", 10), Vec::<String>::new());
    }
}
