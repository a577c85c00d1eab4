//! From what is left of an archive to the catalog that is written. Pure.

use std::collections::BTreeMap;

use orrery_archive::catalog::{self, Catalog, ChunkSet, Epochs, RootPayload, TableKey};
use orrery_archive::table::OnDeletion;
use orrery_crds::rebuild::RebuildRequest;
use sha2::{Digest as _, Sha256};

use super::holdings::{self, Findings, Holdings};
use super::observe::{Agent, Observed, Root};
use super::source::{self, Base, Refusal};

/// By how much epochs and numbers of the new catalog are above every one seen: the lost roots, and
/// workers that did not answer, may have had higher ones.
const LEAP: u64 = 10_000;
/// Lines of a list that are shown.
const SHOWN: usize = 40;

/// What is to be written, and what people are told of it.
#[derive(Debug)]
pub struct Plan {
    /// The catalog.
    pub catalog: Catalog,
    /// Name of the plan: another one when anything differs that is written or lost.
    pub id: String,
    /// What was found.
    pub found: Vec<String>,
    /// What is lost.
    pub losses: Vec<String>,
    /// What is changed or to be done.
    pub notes: Vec<String>,
}

/// Plans a rebuild.
pub fn plan(request: &RebuildRequest, observed: &Observed) -> Result<Plan, Refusal> {
    let Base { mut catalog, from } = source::choose(request, observed)?;
    let mut losses = source::newer(&catalog, observed);
    let agents = source::of_archive(observed, &catalog.archive_uid);
    let holdings = Holdings::of(agents.map(|(worker, agent)| (worker, agent.held.as_slice())));
    let findings = holdings::correct(&mut catalog, &holdings);
    losses.extend(lines(&findings.lost, "no worker has rows of"));
    losses.extend(lines(
        &findings.differing,
        "copies differ, and are not read, of",
    ));
    losses.extend(lines(&findings.unread, "no copy can be read yet of"));
    let mut notes = notes(&findings);
    notes.extend(keep(&mut catalog, observed));
    raise(&mut catalog, observed);
    Ok(Plan {
        id: id(&catalog, observed, &losses),
        found: found(&catalog, observed, &from),
        losses: shown(losses),
        notes: shown(notes),
        catalog,
    })
}

/// Raises lineage, term, epochs and numbers above all that were seen, so that no reader takes the
/// catalog for an older one and no number is given out a second time.
fn raise(catalog: &mut Catalog, observed: &Observed) {
    let archive = catalog.archive_uid.clone();
    let agents: Vec<(u32, &Agent)> = source::of_archive(observed, &archive).collect();
    let root = match &observed.root {
        Root::None => RootPayload::default(),
        Root::Unreadable(root, _) => root.clone(),
        Root::Readable(root) => catalog::encode(root).root,
    };
    if root.archive_uid == archive {
        catalog.lineage = catalog.lineage.max(root.lineage);
    }
    catalog.lineage = catalog.lineage.saturating_add(1);
    let terms = agents.iter().map(|(_, agent)| agent.term);
    catalog.term = terms.fold(catalog.term.max(root.term), u64::max);
    let of_root = Epochs {
        data: root.data_epoch,
        placement: root.placement_epoch,
    };
    let copies = agents.iter().filter_map(|(_, agent)| agent.copy_epochs);
    let mut epochs = copies.fold(highest(catalog.epochs, observed.readers), highest);
    epochs = highest(epochs, of_root);
    let numbers = &mut catalog.counters;
    for (worker, agent) in agents {
        numbers.attempt = numbers.attempt.max(agent.highest.attempt);
        numbers.segment = numbers.segment.max(agent.highest.segment);
        numbers.worker = numbers.worker.max(worker);
        for row in &agent.held {
            numbers.incarnation = numbers.incarnation.max(row.place.incarnation);
            epochs.placement = epochs.placement.max(row.epoch);
        }
    }
    numbers.worker = numbers.worker.max(observed.highest_worker);
    numbers.attempt += LEAP;
    numbers.segment += LEAP;
    numbers.incarnation += LEAP;
    catalog.epochs = Epochs {
        data: epochs.data + LEAP,
        placement: epochs.placement + LEAP,
    };
    let placed = catalog.families.values();
    let placed = placed.flat_map(|family| family.placement.values().flatten());
    let placed = placed.copied().max().unwrap_or(0);
    catalog.counters.worker = catalog.counters.worker.max(placed);
}

fn highest(one: Epochs, other: Epochs) -> Epochs {
    Epochs {
        data: one.data.max(other.data),
        placement: one.placement.max(other.placement),
    }
}

/// Keeps rows from being dropped by what is not known: objects are lost with the catalog, or were
/// made again without their statuses. What an object declares is taken over when the operator sees
/// it; a deleted table that has an object again waits for it. Says which tables have no object.
fn keep(catalog: &mut Catalog, observed: &Observed) -> Vec<String> {
    for table in catalog.tables.values_mut() {
        table.on_deletion = OnDeletion::Retain;
    }
    let is_declared = |key: &TableKey| observed.declared.contains(key);
    let retired = catalog.retired.values_mut();
    for retired in retired.filter(|retired| is_declared(&retired.key)) {
        retired.until = None;
    }
    let bare = catalog.tables.keys().filter(|key| !is_declared(key));
    bare.map(|key| {
        format!(
            "no object declares {key}, whose rows are kept: apply its YAML, or afterwards kubectl orrery table restore {key}"
        )
    })
    .collect()
}

fn notes(findings: &Findings) -> Vec<String> {
    let mut notes = Vec::new();
    if findings.adopted > 0 {
        notes.push(format!(
            "{} copies of chunks that workers have are listed again",
            findings.adopted
        ));
    }
    if findings.missing > 0 {
        notes.push(format!(
            "{} tables that workers should have are not there and will be copied",
            findings.missing
        ));
    }
    notes.extend(lines(
        &findings.unconfirmed,
        "only workers that did not answer may have rows of",
    ));
    notes
}

/// A line for each table.
fn lines(chunks: &BTreeMap<String, ChunkSet>, what: &str) -> Vec<String> {
    let line = |(table, chunks): (&String, &ChunkSet)| {
        let some = chunks.iter().take(5).map(ToString::to_string);
        let some = some.collect::<Vec<_>>().join(", ");
        let more = if chunks.len() > 5 { ", …" } else { "" };
        format!("{what} {table}: {} chunks ({some}{more})", chunks.len())
    };
    chunks.iter().map(line).collect()
}

fn found(catalog: &Catalog, observed: &Observed, from: &str) -> Vec<String> {
    let segments = catalog.tables.values().flat_map(|table| &table.segments);
    let (rows, ingests) = segments.fold((0, 0), |(rows, count), segment| {
        (rows + segment.rows, count + 1)
    });
    let mut found = vec![
        format!("archive {}", catalog.archive_uid),
        format!("from {from}"),
        format!(
            "{} tables with {rows} rows of {ingests} ingests, {} deleted tables whose rows are kept",
            catalog.tables.len(),
            catalog.retired.len()
        ),
        format!("{} workers said what they hold", observed.agents.len()),
    ];
    match &observed.root {
        Root::None => found.push("there is no root".into()),
        Root::Unreadable(_, why) => found.push(format!("the root cannot be read: {why}")),
        Root::Readable(root) => found.push(format!(
            "the root is of archive {}, {}",
            root.archive_uid,
            source::version(root)
        )),
    }
    let agents = observed.agents.values();
    let foreign = agents.filter(|agent| agent.archive_uid != catalog.archive_uid);
    found.extend(foreign.map(|agent| format!("{} is of archive {}", agent.pod, agent.archive_uid)));
    let unused = observed.agents.values();
    found.extend(unused.filter_map(|agent| {
        let why = agent.copy.as_ref().err()?;
        Some(format!(
            "{}: its catalog copy is not used: {why}",
            agent.pod
        ))
    }));
    let silent = observed.silent.iter();
    found.extend(silent.map(|(pod, why)| format!("{pod} did not say what it holds: {why}")));
    shown(found)
}

/// The first lines, and how many more there are.
fn shown(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.truncate(SHOWN);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// The same for plans that write the same over the same root: pages hold neither epochs nor numbers.
fn id(catalog: &Catalog, observed: &Observed, losses: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(&catalog.archive_uid);
    hash.update(observed.version.as_deref().unwrap_or("none"));
    for line in catalog::encode(catalog).root.pages.iter().chain(losses) {
        hash.update([0]);
        hash.update(line);
    }
    hex::encode(&hash.finalize()[..6])
}

#[cfg(test)]
mod tests;
