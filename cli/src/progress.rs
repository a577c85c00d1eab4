//! How far an ingest is, as numbers and as one line of text. Pure.

use std::time::Duration;

use orrery_archive::ingest::IngestProgress;
use orrery_crds::kinds::{IngestPhase, IngestStatus};

use crate::units;

/// How far the present phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Done, in `unit`.
    pub done: u64,
    /// To do in all; 0 when unknown.
    pub total: u64,
    /// What is counted.
    pub unit: Unit,
}

/// What a phase counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the sources, decompressed.
    Bytes,
    /// Copies of rows on workers.
    Rows,
}

/// How far the present phase is; nothing for phases without counts.
pub fn extent(status: &IngestStatus) -> Option<Extent> {
    let progress = &status.progress;
    match status.phase {
        IngestPhase::Survey => Some(Extent {
            done: progress.bytes_read,
            // A source that does not give its size is as large as what was read of it so far.
            total: if progress.bytes_total > progress.bytes_read {
                progress.bytes_total
            } else {
                0
            },
            unit: Unit::Bytes,
        }),
        IngestPhase::Load => Some(Extent {
            done: progress.rows_loaded,
            total: progress.rows_to_load,
            unit: Unit::Rows,
        }),
        _ => None,
    }
}

/// Time the present phase will still take at its present rate; nothing when that is unknown.
pub fn remaining(status: &IngestStatus) -> Option<Duration> {
    let extent = extent(status)?;
    let left = extent
        .total
        .checked_sub(extent.done)
        .filter(|_| extent.total > 0)?;
    let rate = match extent.unit {
        Unit::Rows => status.progress.rows_per_second as f64,
        Unit::Bytes => status.progress.rows_per_second as f64 * bytes_per_row(&status.progress)?,
    };
    (rate > 0.0).then(|| Duration::from_secs_f64((left as f64 / rate).min(1e9)))
}

fn bytes_per_row(progress: &IngestProgress) -> Option<f64> {
    (progress.rows_read > 0).then(|| progress.bytes_read as f64 / progress.rows_read as f64)
}

/// Rate and rest, for the end of a line: `84,000 rows/s, 12s left`.
pub fn pace(status: &IngestStatus) -> String {
    let mut parts = Vec::new();
    if extent(status).is_some() && status.progress.rows_per_second > 0 {
        parts.push(format!(
            "{} rows/s",
            units::count(status.progress.rows_per_second)
        ));
    }
    if let Some(rest) = remaining(status) {
        parts.push(format!("{} left", units::duration(rest)));
    }
    parts.join(", ")
}

/// What was counted so far: `120 MiB of 480 MiB`.
pub fn amount(extent: Extent) -> String {
    let show = |number| match extent.unit {
        Unit::Bytes => units::bytes(number),
        Unit::Rows => format!("{} row copies", units::count(number)),
    };
    if extent.total == 0 {
        return show(extent.done);
    }
    let done = match extent.unit {
        Unit::Bytes => units::bytes(extent.done),
        Unit::Rows => units::count(extent.done),
    };
    format!("{done} of {}", show(extent.total))
}

/// The state in one line, for outputs that are no terminal.
pub fn line(name: &str, status: &IngestStatus) -> String {
    let mut line = format!("{name}: {:?}", status.phase);
    if let Some(extent) = extent(status) {
        line.push_str(&format!(" {}", amount(extent)));
        let pace = pace(status);
        if !pace.is_empty() {
            line.push_str(&format!(" ({pace})"));
        }
    } else if !status.message.is_empty() {
        line.push_str(&format!(" ({})", status.message));
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orrery_archive::ingest::IngestProgress;
    use orrery_crds::kinds::{IngestPhase, IngestStatus};

    use super::{line, remaining};

    fn status(phase: IngestPhase) -> IngestStatus {
        let progress = IngestProgress {
            bytes_read: 2 << 20,
            bytes_total: 8 << 20,
            rows_read: 1 << 15,
            rows_loaded: 30_000,
            rows_to_load: 90_000,
            rows_per_second: 2_000,
            ..IngestProgress::default()
        };
        IngestStatus {
            phase,
            message: "why".into(),
            progress,
            ..IngestStatus::default()
        }
    }

    #[test]
    fn a_survey_counts_bytes_and_a_load_counts_rows() {
        assert_eq!(
            line("a", &status(IngestPhase::Survey)),
            "a: Survey 2.00 MiB of 8.00 MiB (2,000 rows/s, 49s left)"
        );
        assert_eq!(
            line("a", &status(IngestPhase::Load)),
            "a: Load 30,000 of 90,000 row copies (2,000 rows/s, 30s left)"
        );
    }

    #[test]
    fn phases_without_counts_show_the_message() {
        assert_eq!(line("a", &status(IngestPhase::Pending)), "a: Pending (why)");
        assert_eq!(remaining(&status(IngestPhase::Seal)), None);
    }

    #[test]
    fn nothing_is_promised_without_a_rate_or_a_total() {
        let mut still = status(IngestPhase::Load);
        still.progress.rows_per_second = 0;
        assert_eq!(remaining(&still), None);
        let mut unknown = status(IngestPhase::Survey);
        unknown.progress.bytes_total = 0;
        assert_eq!(remaining(&unknown), None);
        unknown.progress.bytes_total = unknown.progress.bytes_read;
        assert_eq!(line("a", &unknown), "a: Survey 2.00 MiB (2,000 rows/s)");
        let mut done = status(IngestPhase::Load);
        done.progress.rows_loaded = 90_000;
        assert_eq!(remaining(&done), Some(Duration::ZERO));
    }
}
