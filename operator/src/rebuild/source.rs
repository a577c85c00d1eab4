//! Which catalog a rebuild begins with, and what says that there was a newer one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Counters, Epochs};
use orrery_archive::names::WorkerId;
use orrery_crds::rebuild::RebuildRequest;
use orrery_worker_api::agent::RowState;
use thiserror::Error;

use super::observe::{Agent, Observed, Root};

/// Why nothing is rebuilt.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// No worker has a copy that counts.
    #[error("no worker has a catalog copy that can be used: {0}")]
    NoCopy(String),
    /// Workers of several archives answered.
    #[error("workers have copies of several archives: {0}; name one with --archive")]
    Several(String),
    /// The archive that was named is not there.
    #[error("no worker has a copy of archive {0}")]
    NoSuchArchive(String),
    /// There is a root, and it was not named.
    #[error("there is a catalog, of archive {0}; to replace it add --replace {0}")]
    HasRoot(String),
    /// The root that was named is not the one that is there.
    #[error("--replace names {named}, but the catalog that is there is of archive {there}")]
    AnotherRoot {
        /// What the request names.
        named: String,
        /// What is there.
        there: String,
    },
    /// The root is at least as new as all copies, and workers know nothing that it does not.
    #[error("the catalog that is there is at least as new as all that workers have: {0}")]
    NotBehind(String),
    /// The root of another archive has rows.
    #[error("the catalog that is there, of archive {0}, has tables with rows")]
    InUse(String),
}

/// The catalog that a rebuild begins with.
#[derive(Debug)]
pub struct Base {
    /// It.
    pub catalog: Catalog,
    /// Where it is from, in words.
    pub from: String,
}

/// What orders the catalogs of one archive. The term and the numbers given out order those that no
/// reader can tell apart.
fn age(catalog: &Catalog) -> (u32, Epochs, u64, [u64; 4]) {
    let Counters {
        worker,
        incarnation,
        attempt,
        segment,
    } = catalog.counters;
    let counters = [segment, attempt, incarnation, worker.into()];
    (catalog.lineage, catalog.epochs, catalog.term, counters)
}

/// Chooses the newest catalog there is: a copy of a worker, or the root when workers know more than
/// it.
pub fn choose(request: &RebuildRequest, observed: &Observed) -> Result<Base, Refusal> {
    let archive = archive(request, observed)?;
    let copies = observed.agents.values();
    let copies = copies.filter_map(|agent| Some((agent, agent.copy.as_ref().ok()?)));
    let copies = copies.filter(|(_, copy)| copy.archive_uid == archive);
    let newest = copies.max_by_key(|(_, copy)| age(copy));
    let (agent, copy) = newest.ok_or_else(|| Refusal::NoSuchArchive(archive.clone()))?;
    let base = Base {
        catalog: copy.clone(),
        from: format!("the copy of {}, {}", agent.pod, version(copy)),
    };
    match &observed.root {
        Root::None => Ok(base),
        Root::Unreadable(root, _) => named(request, &root.archive_uid).map(|()| base),
        Root::Readable(root) if root.archive_uid == archive => {
            if age(root) < age(copy) {
                return named(request, &archive).map(|()| base);
            }
            if !is_behind(root, observed) {
                return Err(Refusal::NotBehind(version(root)));
            }
            named(request, &archive)?;
            Ok(Base {
                catalog: Catalog::clone(root),
                from: format!("the root, {}", version(root)),
            })
        }
        Root::Readable(root) => {
            if root.kept().any(|(_, table)| table.has_segments()) {
                return Err(Refusal::InUse(root.archive_uid.clone()));
            }
            named(request, &root.archive_uid).map(|()| base)
        }
    }
}

/// Lineage and epochs in words.
pub fn version(catalog: &Catalog) -> String {
    format!("lineage {}, epochs {}", catalog.lineage, catalog.epochs)
}

/// The archive that is rebuilt.
fn archive(request: &RebuildRequest, observed: &Observed) -> Result<String, Refusal> {
    if let Some(named) = &request.archive {
        return Ok(named.clone());
    }
    let agents = observed.agents.values();
    let mut pods = BTreeMap::<&str, Vec<&str>>::new();
    for agent in agents.filter(|agent| agent.copy.is_ok()) {
        let of_archive = pods.entry(&agent.archive_uid).or_default();
        of_archive.push(&agent.pod);
    }
    if pods.len() > 1 {
        let archives = pods.iter();
        let archives = archives.map(|(archive, pods)| format!("{archive} ({})", pods.join(", ")));
        return Err(Refusal::Several(archives.collect::<Vec<_>>().join("; ")));
    }
    let only = pods.into_keys().next();
    only.map(str::to_owned)
        .ok_or_else(|| Refusal::NoCopy(why_no_copy(observed)))
}

fn why_no_copy(observed: &Observed) -> String {
    let silent = observed.silent.iter();
    let silent = silent.map(|(pod, why)| format!("{pod}: {why}"));
    let unused = observed.agents.values().filter_map(|agent| {
        let why = agent.copy.as_ref().err()?;
        Some(format!("{}: {why}", agent.pod))
    });
    let all: Vec<String> = silent.chain(unused).take(5).collect();
    if all.is_empty() {
        "no pod of a worker is there".to_owned()
    } else {
        all.join("; ")
    }
}

/// A root is replaced only when it was named.
fn named(request: &RebuildRequest, there: &str) -> Result<(), Refusal> {
    match &request.replace {
        None => Err(Refusal::HasRoot(there.to_owned())),
        Some(named) if named != there => Err(Refusal::AnotherRoot {
            named: named.clone(),
            there: there.to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

/// Whether a worker of the archive has heard of numbers that the root has not given out.
fn is_behind(root: &Catalog, observed: &Observed) -> bool {
    let known = root.counters;
    of_archive(observed, &root.archive_uid).any(|(_, agent)| {
        agent.highest.attempt > known.attempt || agent.highest.segment > known.segment
    })
}

/// The workers of an archive that answered.
pub fn of_archive<'a>(
    observed: &'a Observed,
    archive: &'a str,
) -> impl Iterator<Item = (WorkerId, &'a Agent)> {
    let agents = observed.agents.iter();
    let own = agents.filter(move |(_, agent)| agent.archive_uid == archive);
    own.map(|(worker, agent)| (*worker, agent))
}

/// What shows that there was a newer catalog than `base`, whose changes are lost: a line each.
pub fn newer(base: &Catalog, observed: &Observed) -> Vec<String> {
    let mut lines = Vec::new();
    if let Root::Unreadable(root, _) = &observed.root
        && root.archive_uid == base.archive_uid
    {
        let epochs = Epochs {
            data: root.data_epoch,
            placement: root.placement_epoch,
        };
        if (root.lineage, epochs) > (base.lineage, base.epochs) {
            lines.push(format!(
                "the root that cannot be read is newer: lineage {}, epochs {epochs}",
                root.lineage
            ));
        }
    }
    let has_epochs_of_another =
        matches!(&observed.root, Root::Readable(root) if root.archive_uid != base.archive_uid);
    if observed.readers.data > base.epochs.data && !has_epochs_of_another {
        lines.push(format!(
            "czars or proxies have seen epochs {}",
            observed.readers
        ));
    }
    for (_, agent) in of_archive(observed, &base.archive_uid) {
        if agent.copy_epochs.is_some_and(|epochs| epochs > base.epochs)
            && let Err(why) = &agent.copy
        {
            lines.push(format!(
                "{} has a newer copy, which is not used: {why}",
                agent.pod
            ));
        }
    }
    lines.extend(changed_rows(base, observed));
    lines
}

/// What the catalog says of an attempt's tables of an incarnation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Published,
    Revoked,
}

/// Rows that workers were told to publish, to take back or to bring back by a newer root.
fn changed_rows(base: &Catalog, observed: &Observed) -> Vec<String> {
    let known = known(base);
    let dropping: BTreeSet<u64> = base
        .dropping
        .keys()
        .filter_map(|database| database.rsplit_once("__")?.1.parse().ok())
        .collect();
    let mut changes = BTreeMap::<(u64, u64, &str), BTreeSet<WorkerId>>::new();
    for (worker, agent) in of_archive(observed, &base.archive_uid) {
        for row in &agent.held {
            let incarnation = row.place.incarnation;
            let is_late = row.epoch >= base.epochs.placement;
            let change = match (known.get(&(incarnation, row.place.attempt)), row.state) {
                (None, RowState::Published) if !dropping.contains(&incarnation) => "published",
                (Some(Known::Published), RowState::Revoked) if is_late => "taken back",
                (Some(Known::Revoked), RowState::Published) if is_late => "brought back",
                _ => continue,
            };
            let change = (incarnation, row.segment, change);
            changes.entry(change).or_default().insert(worker);
        }
    }
    let lines = changes
        .iter()
        .map(|((incarnation, segment, change), workers)| {
            let table = name(base, *incarnation);
            let workers = workers.iter().map(ToString::to_string);
            let workers = workers.take(5).collect::<Vec<_>>().join(", ");
            format!("rows were {change} later: segment {segment} of {table}, on workers {workers}")
        });
    lines.collect()
}

fn known(base: &Catalog) -> BTreeMap<(u64, u64), Known> {
    let mut known = BTreeMap::new();
    for (_, table) in base.kept() {
        let own = (table.incarnation, &table.segments, &table.revoked);
        let index = table.kind.index();
        let index = index.map(|index| (index.incarnation, &index.segments, &index.revoked));
        for (incarnation, published, revoked) in [Some(own), index].into_iter().flatten() {
            let published = published.iter().map(|one| (one.attempt, Known::Published));
            let revoked = revoked.iter().map(|one| (one.attempt, Known::Revoked));
            let all = published.chain(revoked);
            known.extend(all.map(|(attempt, what)| ((incarnation, attempt), what)));
        }
    }
    known
}

fn name(base: &Catalog, incarnation: u64) -> String {
    for (key, table) in base.kept() {
        if table.incarnation == incarnation {
            return key.to_string();
        }
        if table
            .kind
            .index()
            .is_some_and(|index| index.incarnation == incarnation)
        {
            return format!("the index of {key}");
        }
    }
    format!("a table with incarnation {incarnation}")
}
