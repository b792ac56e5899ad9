//! What was measured, as a table or as JSON lines.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::compare::Ratios;

/// What is known of one subject in one case.
pub(crate) struct Line<'a> {
    pub(crate) case: &'a str,
    pub(crate) subject: &'a str,
    /// Names and values, each of one operation.
    pub(crate) columns: &'a [(&'static str, f64)],
    pub(crate) ratios: Ratios,
}

/// Writes to stdout, line by line as they come.
pub(crate) struct Report {
    json: bool,
    /// The case of the last line.
    case: Option<String>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Report { json, case: None }
    }

    pub(crate) fn add(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            return writeln!(out, "{}", line.to_json());
        }
        match self.case.as_deref() {
            None => writeln!(out, "{}", line.head())?,
            Some(case) if case != line.case => writeln!(out)?,
            Some(_) => {}
        }
        self.case = Some(line.case.to_owned());
        writeln!(out, "{}", line.to_row())
    }
}

impl Line<'_> {
    fn to_json(&self) -> Value {
        let mut keys = Map::new();
        keys.insert("workload".into(), self.case.into());
        keys.insert("subject".into(), self.subject.into());
        keys.extend(self.columns.iter().map(|&(name, value)| (name.into(), value.into())));
        keys.insert("ratio_to_floor".into(), self.ratios.to_floor.into());
        keys.insert("ratio_to_peer".into(), self.ratios.to_peer.into());
        keys.into()
    }

    fn head(&self) -> String {
        let columns: String = self.columns.iter().map(|(name, _)| format!("{name:>12} ")).collect();
        format!("{:<36} {:<14}{columns}{:>9} {:>9}", "workload", "subject", "/floor", "/sentry")
    }

    fn to_row(&self) -> String {
        let columns: String = self.columns.iter().map(|(_, value)| format!("{value:>12.1} ")).collect();
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.3}"));
        let (floor, peer) = (ratio(self.ratios.to_floor), ratio(self.ratios.to_peer));
        format!("{:<36} {:<14}{columns}{floor:>9} {peer:>9}", self.case, self.subject)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_json_line_has_these_keys() {
        let line = Line {
            case: "child_span/rate_0",
            subject: "watchpost",
            columns: &[("ns", 170.5), ("allocs", 0.0), ("bytes", 0.0)],
            ratios: Ratios { to_floor: Some(1.25), to_peer: None },
        };
        let expected = json!({
            "workload": "child_span/rate_0",
            "subject": "watchpost",
            "ns": 170.5,
            "allocs": 0.0,
            "bytes": 0.0,
            "ratio_to_floor": 1.25,
            "ratio_to_peer": null,
        });
        assert_eq!(line.to_json(), expected);
    }
}
