//! What was measured, as a table or as JSON lines.

use std::io::{self, Write};

use serde_json::json;

use crate::args::Case;
use crate::compare::Row;

pub(crate) fn table_head() -> io::Result<()> {
    writeln!(
        io::stdout(),
        "{:<38} {:<14} {:>10} {:>8} {:>9} {:>8} {:>8}",
        "workload/mode",
        "subject",
        "ns",
        "allocs",
        "bytes",
        "/floor",
        "/sentry"
    )
}

pub(crate) fn table(case: &Case, rows: &[Row]) -> io::Result<()> {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.3}"));
    let mut out = io::stdout().lock();
    for row in rows {
        writeln!(
            out,
            "{:<38} {:<14} {:>10.1} {:>8.2} {:>9.1} {:>8} {:>8}",
            case.name,
            row.subject,
            row.ns,
            row.allocs,
            row.bytes,
            ratio(row.ratio_to_floor),
            ratio(row.ratio_to_peer)
        )?;
    }
    writeln!(out)
}

pub(crate) fn json_lines(case: &Case, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for row in rows {
        let line = json!({
            "workload": case.name,
            "subject": row.subject,
            "ns": row.ns,
            "allocs": row.allocs,
            "bytes": row.bytes,
            "ratio_to_floor": row.ratio_to_floor,
            "ratio_to_peer": row.ratio_to_peer,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
