//! What an ingest did, when it has ended. Pure.

use orrery_archive::ingest::RejectSample;
use orrery_crds::kinds::{IngestPhase, IngestStatus};

use crate::table::Table;
use crate::units;

/// The facts of an ingest that has ended, one a line.
pub fn text(status: &IngestStatus) -> String {
    let summary = &status.summary;
    let mut table = Table::plain();
    let mut fact = |name: &str, value: String| table.row([format!("  {name}"), value]);
    fact("rows", units::count(summary.rows));
    fact("rejects", units::count(summary.rejects));
    fact("duplicates", units::count(summary.duplicates));
    fact("orphans", units::count(summary.orphans));
    if summary.moved > 0 {
        fact("moved", units::count(summary.moved));
    }
    fact("chunks", units::count(summary.chunks));
    fact("overlap rows", units::count(summary.overlap_rows));
    fact("bytes", units::bytes(summary.bytes));
    if let Some([lon_min, lat_min, lon_max, lat_max]) = summary.bounds.as_deref() {
        fact("longitude", format!("{lon_min} to {lon_max} deg"));
        fact("latitude", format!("{lat_min} to {lat_max} deg"));
    }
    if let (IngestPhase::Visible, Some(epoch)) = (status.phase, status.data_epoch) {
        fact("dataEpoch", epoch.to_string());
    }
    table.text()
}

/// Seconds by phase, in the order of the phases: `Survey 3.2 s, Load 10 s`.
pub fn times(status: &IngestStatus) -> String {
    const PHASES: [IngestPhase; 6] = [
        IngestPhase::Survey,
        IngestPhase::Place,
        IngestPhase::Load,
        IngestPhase::Seal,
        IngestPhase::Verify,
        IngestPhase::Publish,
    ];
    let spent = PHASES.iter().filter_map(|phase| {
        let seconds = status.phase_seconds.get(&format!("{phase:?}"))?;
        Some(format!("{phase:?} {seconds} s"))
    });
    spent.collect::<Vec<_>>().join(", ")
}

/// Rejected rows as a table.
pub fn rejects(samples: &[RejectSample]) -> String {
    let mut table = Table::with_header(["FILE", "RECORD", "COLUMN", "REASON"]);
    for sample in samples {
        table.row([
            sample.file.clone(),
            sample.record.to_string(),
            sample.column.clone().unwrap_or_default(),
            sample.reason.clone(),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use orrery_archive::ingest::IngestSummary;
    use orrery_crds::kinds::{IngestPhase, IngestStatus};

    use super::{text, times};

    #[test]
    fn the_end_names_every_count_and_the_extent_on_the_sky() {
        let status = IngestStatus {
            phase: IngestPhase::Visible,
            data_epoch: Some(7),
            summary: IngestSummary {
                rows: 4583,
                rejects: 3,
                duplicates: 2,
                orphans: 36,
                chunks: 13,
                bytes: 2048,
                bounds: Some(vec![0.5, -7.25, 359.0, 3.0]),
                ..IngestSummary::default()
            },
            ..IngestStatus::default()
        };
        assert_eq!(
            text(&status),
            "  rows          4,583\n  rejects       3\n  duplicates    2\n  orphans       36\n  chunks        13\n  \
             overlap rows  0\n  bytes         2.00 KiB\n  longitude     0.5 to 359 deg\n  latitude      -7.25 to 3 deg\n  \
             dataEpoch     7\n"
        );
    }

    #[test]
    fn times_are_in_the_order_of_the_phases() {
        let mut status = IngestStatus::default();
        status.phase_seconds.insert("Load".into(), 10.5);
        status.phase_seconds.insert("Survey".into(), 3.0);
        assert_eq!(times(&status), "Survey 3 s, Load 10.5 s");
    }
}
