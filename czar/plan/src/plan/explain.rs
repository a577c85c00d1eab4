//! A plan as rows for EXPLAIN.

use super::in_process::SimpleMerge;
use super::{ChunkWork, Class, Gather, Merge, Plan, Work};

/// Chunk ids shown before the rest is only counted.
const SHOWN_CHUNKS: usize = 10;

/// Names and values; the czar adds what it knows (chunks that have rows, replicas).
pub fn explain(plan: &Plan) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut push = |name: &str, value: String| rows.push((name.to_owned(), value));
    push("dataEpoch", plan.data_epoch.to_string());
    let class = match plan.class {
        Class::Interactive => "interactive",
        Class::Scan => "scan",
    };
    push("class", class.to_owned());
    for table in &plan.tables {
        push(
            "table",
            format!("{} AS {} ({:?})", table.key, table.alias, table.role),
        );
    }
    match &plan.work {
        Work::Static(_) => push("answer", "known from the catalog".to_owned()),
        Work::Shadow => push("answer", "by the shadow server".to_owned()),
        Work::AnyWorker(template) => {
            push("answer", "by any one worker".to_owned());
            push("statement", template.display(&plan.tables));
        }
        Work::Chunks(work) => explain_chunks(plan, work, &mut push),
        Work::Gather(gather) => explain_gather(gather, &mut push),
    }
    if plan.uses_now {
        push(
            "clock",
            "every statement runs under one timestamp".to_owned(),
        );
    }
    rows
}

fn explain_gather(gather: &Gather, push: &mut dyn FnMut(&str, String)) {
    push(
        "answer",
        "gather: the tables are fetched to the shadow server, which runs the statement".to_owned(),
    );
    let reason = gather
        .reason
        .as_ref()
        .map_or("orrery_plan is gather".to_owned(), ToString::to_string);
    push("not in the chunks", reason);
    for scan in &gather.scans {
        push(
            "fetched",
            format!("{} ({})", scan.key, scan.columns.join(", ")),
        );
        push(
            "rows",
            scan.filter.clone().unwrap_or_else(|| "all".to_owned()),
        );
    }
}

fn explain_chunks(plan: &Plan, work: &ChunkWork, push: &mut dyn FnMut(&str, String)) {
    push(
        "chunks",
        match &work.selection.area {
            None => "all that have rows".to_owned(),
            Some(area) => {
                let shown: Vec<String> = area
                    .iter()
                    .take(SHOWN_CHUNKS)
                    .map(ToString::to_string)
                    .collect();
                let more = if area.len() > SHOWN_CHUNKS {
                    ", …"
                } else {
                    ""
                };
                format!("at most {}: {}{more}", area.len(), shown.join(", "))
            }
        },
    );
    if let Some(lookup) = &work.selection.lookup {
        let shown: Vec<&str> = lookup
            .keys
            .iter()
            .take(SHOWN_CHUNKS)
            .map(String::as_str)
            .collect();
        let more = if lookup.keys.len() > SHOWN_CHUNKS {
            ", …"
        } else {
            ""
        };
        push(
            "index",
            format!(
                "{} keys of {}: {}{more}",
                lookup.keys.len(),
                lookup.director,
                shown.join(", ")
            ),
        );
    }
    push("statement", work.template.display(&plan.tables));
    push(
        "batches",
        if work.batchable {
            format!("UNION ALL{}", work.joined_end)
        } else {
            "one statement each".to_owned()
        },
    );
    match &work.merge {
        Merge::Concatenate(range) => {
            let limit = range.count.map_or_else(String::new, |count| {
                format!(
                    ", rows {} to {}",
                    range.offset,
                    count.saturating_add(range.offset)
                )
            });
            push("merge", format!("rows in any order{limit}"));
        }
        Merge::Shadow(merge) => {
            let way = merge
                .simple
                .as_ref()
                .map_or("shadow server".to_owned(), describe_simple);
            push("merge", way);
            push("merge statement", merge.merge_sql("{parts}"));
        }
    }
}

fn describe_simple(simple: &SimpleMerge) -> String {
    format!(
        "in process, {} key columns, {} columns",
        simple.keys.len(),
        simple.columns.len()
    )
}
