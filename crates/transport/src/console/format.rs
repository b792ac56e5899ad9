//! Numbers, times and values as text.

use watchpost_protocol::{Timestamp, Value};

/// `14:13:20.250`, in UTC.
pub(super) fn clock(timestamp: Timestamp) -> String {
    let millis = timestamp.as_micros().div_euclid(1000).rem_euclid(24 * 60 * 60 * 1000);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// How long, in the unit that leaves up to four digits: `85 µs`, `12.5 ms`, `1.250 s`, `2 min 05 s`.
pub(super) fn duration(micros: i64) -> String {
    match micros {
        ..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => {
            // In tenths, rounded; what rounds up to a second is one.
            let tenths = (micros + 50) / 100;
            if tenths >= 10_000 {
                "1.000 s".to_owned()
            } else {
                format!("{}.{} ms", tenths / 10, tenths % 10)
            }
        }
        1_000_000..60_000_000 => format!("{}.{:03} s", micros / 1_000_000, micros / 1_000 % 1_000),
        _ => {
            let seconds = micros / 1_000_000;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

/// Counted from the event: `−1.204 s`.
pub(super) fn before(micros: i64) -> String {
    match micros {
        ..0 => format!("+{}", duration(micros.saturating_neg())),
        0 => "0".to_owned(),
        _ => format!("−{}", duration(micros)),
    }
}

/// A value as a person would write it: text that is one word stands alone, other text in quotes, the rest is JSON.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => text.clone(),
        other => other.to_string(),
    }
}

/// `12,345` is easier to take in than `12345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How wide a column of these has to be.
pub(super) fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use watchpost_protocol::Value;

    use super::*;

    #[test]
    fn the_clock_is_utc_and_knows_times_before_the_epoch() {
        assert_eq!(clock(Timestamp::from_micros(1_790_000_000_250_999)), "14:13:20.250");
        assert_eq!(clock(Timestamp::from_micros(-1)), "23:59:59.999");
    }

    #[test]
    fn durations_use_the_unit_that_fits() {
        let shown =
            [0, 999, 1_000, 12_349, 999_949, 999_950, 1_000_000, 59_999_999, 125_000_000].map(duration);
        let expected = [
            "0 µs",
            "999 µs",
            "1.0 ms",
            "12.3 ms",
            "999.9 ms",
            "1.000 s",
            "1.000 s",
            "59.999 s",
            "2 min 05 s",
        ];
        assert_eq!(shown, expected);
        assert_eq!([1_204_000, 0, -5].map(before), ["−1.204 s", "0", "+5 µs"]);
        assert!(before(i64::MIN).starts_with("+153722867280 min"), "{}", before(i64::MIN));
    }

    #[test]
    fn values_read_like_writing() {
        let shown =
            [Value::from("pro"), Value::from("two words"), Value::from(""), Value::from(3), Value::Null];
        assert_eq!(shown.map(|shown| value(&shown)), ["pro", "\"two words\"", "\"\"", "3", "null"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
