//! A stretch of time as a bar, to an eighth of a cell.

/// What the whole width stands for, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) length: i64,
}

const LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// The bar from `start` to `end`, and the border behind it: `▸` if the time goes on after the window.
///
/// What is too short to be seen is an eighth of a cell wide, so that nothing that happened is invisible.
pub(super) fn draw(window: Window, start: i64, end: i64, cells: usize) -> (String, &'static str) {
    let last = window.start.saturating_add(window.length);
    let border = if end > last { "▸" } else { "▏" };
    let eighths = cells.saturating_mul(8);
    let from = position(window, start, eighths).min(eighths.saturating_sub(1));
    let to = position(window, end, eighths).max(from + 1);
    let bar = (0..cells).map(|cell| glyph(cell * 8, from, to)).collect();
    (bar, border)
}

/// Where a moment lies, rounded; before and after the window are its ends.
fn position(window: Window, moment: i64, eighths: usize) -> usize {
    let length = i128::from(window.length.max(1));
    let since = i128::from(moment.saturating_sub(window.start)).clamp(0, length);
    let whole = eighths as i128;
    usize::try_from((since * whole + length / 2) / length).unwrap_or(eighths)
}

/// The cell that begins at `left`. Blocks grow from the left in eighths; from the right there are only a half and an eighth.
fn glyph(left: usize, from: usize, to: usize) -> char {
    let (from, to) = (from.clamp(left, left + 8) - left, to.clamp(left, left + 8) - left);
    let width = to.saturating_sub(from);
    let left_half = from == 0 || (to < 8 && from + to < 8);
    match width {
        0 => ' ',
        _ if left_half => LEFT.get(width).copied().unwrap_or('█'),
        1 | 2 => '▕',
        3..=5 => '▐',
        _ => '█',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(start: i64, end: i64) -> String {
        let (cells, border) = draw(Window { start: 1000, length: 80 }, start, end, 10);
        assert_eq!(cells.chars().count(), 10);
        format!("{cells}{border}")
    }

    #[test]
    fn bars_are_to_scale_and_to_an_eighth() {
        assert_eq!(bar(1000, 1080), "██████████▏");
        assert_eq!(bar(1000, 1040), "█████     ▏");
        assert_eq!(bar(1040, 1080), "     █████▏");
        assert_eq!(bar(1016, 1029), "  █▋      ▏");
        assert_eq!(bar(1012, 1024), " ▐█       ▏");
    }

    #[test]
    fn nothing_that_happened_is_invisible() {
        assert_eq!(bar(1000, 1000), "▏         ▏");
        assert_eq!(bar(1047, 1047), "     ▕    ▏");
        assert_eq!(bar(1080, 1080), "         ▕▏");
    }

    #[test]
    fn what_lies_outside_stays_inside_and_says_so() {
        assert_eq!(bar(900, 1008), "█         ▏");
        assert_eq!(bar(1072, 2000), "         █▸");
        assert_eq!(bar(5000, 6000), "         ▕▸");
        assert_eq!(bar(1040, 1000), "     ▏    ▏", "an end before the start");
        assert_eq!(bar(i64::MIN, i64::MAX), "██████████▸");
        assert_eq!(draw(Window { start: 0, length: 0 }, 0, 0, 3).0, "▏  ");
        assert_eq!(draw(Window { start: 0, length: 0 }, 0, 0, 0).0, "");
    }
}
