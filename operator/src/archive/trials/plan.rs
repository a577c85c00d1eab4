//! Which tables are still to be tried, in which forms and by whom, and what that means for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use orrery_archive::catalog::{AcceptedTable, Catalog, IndexTable, Table, TableKey};
use orrery_archive::table::ddl;
use orrery_crds::accept;
use orrery_crds::kinds::{ChunkedTable, TableRole, Worker, WorkerPhase};
use orrery_worker_api::agent::{Refusal, TrialPart, TrialTable};

use super::subject::{Asked, Standing, Subject, Word};
use crate::archive::observe::Observed;
use crate::archive::plan::Plan;
use crate::catalog::declared::{Schema, has_rows_of};
use crate::catalog::edit::index_family;
use crate::controller::conditions::{Finding, Truth};
use crate::tables::{UserTable, Verdict};

/// The tables to be tried, by UID of their objects.
pub fn subjects(observed: &Observed, plan: &Plan) -> Vec<(String, Subject)> {
    let pools: BTreeMap<&str, &str> = plan
        .families
        .iter()
        .filter_map(|verdict| verdict.declaration.as_ref())
        .map(|family| (family.name.as_str(), family.pool.as_str()))
        .collect();
    let of = |uid: Option<&String>, key: TableKey, verdict: &Verdict| {
        let (uid, schema) = (uid?.clone(), verdict.schema.as_ref()?);
        if was_tried(&observed.catalog, &key, schema) {
            return None;
        }
        let subject = Subject {
            pool: pool(schema, &pools),
            tables: forms(schema),
            key,
        };
        Some((uid, subject))
    };
    let chunked = observed.chunked.iter().zip(&plan.tables.chunked);
    let chunked = chunked
        .filter_map(|(table, verdict)| of(table.metadata.uid.as_ref(), table.key(), verdict));
    let references = observed.references.iter().zip(&plan.tables.references);
    let references = references
        .filter_map(|(table, verdict)| of(table.metadata.uid.as_ref(), table.key(), verdict));
    chunked.chain(references).collect()
}

fn pool(schema: &Schema, pools: &BTreeMap<&str, &str>) -> Option<String> {
    match schema {
        Schema::Director(table) | Schema::Child(table, _) => {
            let pool = pools.get(table.family.as_str());
            pool.map(|pool| (*pool).to_owned())
        }
        Schema::Reference(_) => None,
    }
}

/// Whether the catalog has, or keeps the rows of, a table of this name and schema.
fn was_tried(catalog: &Catalog, key: &TableKey, schema: &Schema) -> bool {
    let same = |(held, table): (&TableKey, &Table)| held == key && has_rows_of(&table.kind, schema);
    catalog.kept().any(same)
}

/// The tables that one of this schema consists of on workers and czars.
fn forms(schema: &Schema) -> Vec<TrialTable> {
    let form = |part, create| TrialTable { part, create };
    let mut forms = match schema {
        Schema::Director(table) => vec![
            form(TrialPart::Home, ddl::home(table, true)),
            form(TrialPart::Overlap, ddl::overlap(table)),
        ],
        Schema::Child(table, _) => vec![
            form(TrialPart::Home, ddl::home(table, false)),
            form(TrialPart::Overlap, ddl::overlap(table)),
        ],
        Schema::Reference(table) => vec![form(TrialPart::Reference, ddl::reference(table))],
    };
    if let Schema::Director(table) = schema {
        // An accepted table has its key, of a type that is read.
        let key = table.columns.iter().find(|column| column.name == table.key);
        let key = key.and_then(|key| accept::column_type(key).ok());
        forms.extend(key.map(|key| form(TrialPart::Index, ddl::index(&key))));
    }
    let kind = schema.clone().into_kind(no_index);
    forms.push(form(TrialPart::Shadow, ddl::shadow(&kind)));
    forms
}

/// A shadow says nothing of its table's index.
fn no_index(table: &AcceptedTable) -> IndexTable {
    IndexTable {
        incarnation: 0,
        family: index_family(&table.family),
        segments: Vec::new(),
        revoked: Vec::new(),
    }
}

/// The workers that can be asked, in turn: those that are well before others, beginning with
/// another one for each `place`. A pool is named where only its workers will do.
pub fn order(workers: &[Worker], pool: Option<&str>, place: usize) -> Vec<Asked> {
    let able = workers.iter().filter_map(|worker| {
        let status = worker.status.as_ref()?;
        let serves = match status.phase {
            WorkerPhase::Ready => true,
            WorkerPhase::Draining | WorkerPhase::Drained | WorkerPhase::Suspect => false,
            WorkerPhase::Pending | WorkerPhase::Down => return None,
        };
        let is_wanted = pool.is_none_or(|pool| worker.spec.pool == pool);
        let asked = Asked {
            name: worker.metadata.name.clone()?,
            id: worker.spec.id,
            address: status.address.clone()?,
        };
        is_wanted.then_some((serves, asked))
    });
    let mut able: Vec<(bool, Asked)> = able.collect();
    able.sort_by_key(|(serves, asked)| (!serves, asked.id));
    let ready = able.iter().filter(|(serves, _)| *serves).count();
    if ready > 0 {
        able[..ready].rotate_left(place % ready);
    }
    able.into_iter().map(|(_, asked)| asked).collect()
}

/// Takes back the acceptance of what MariaDB refuses, of what is not tried yet, and of the children
/// of such directors, which the catalog cannot have without them.
pub fn settle(
    observed: &Observed,
    plan: &mut Plan,
    subjects: &[(String, Subject)],
    standings: &HashMap<&str, Standing>,
) {
    let standing: HashMap<&str, Finding> = subjects
        .iter()
        .filter_map(|(uid, subject)| {
            let standing = standings.get(uid.as_str()).unwrap_or(&Standing::NoWorker);
            Some((uid.as_str(), finding(subject, standing)?))
        })
        .collect();
    let take_back = |uid: Option<&String>, verdict: &mut Verdict| {
        if let Some(finding) = uid.and_then(|uid| standing.get(uid.as_str())) {
            *verdict = not_accepted(finding.clone());
        }
    };
    for (table, verdict) in observed.chunked.iter().zip(&mut plan.tables.chunked) {
        take_back(table.metadata.uid.as_ref(), verdict);
    }
    for (table, verdict) in observed.references.iter().zip(&mut plan.tables.references) {
        take_back(table.metadata.uid.as_ref(), verdict);
    }
    settle_children(&observed.chunked, &mut plan.tables.chunked);
}

fn not_accepted(finding: Finding) -> Verdict {
    Verdict {
        finding,
        schema: None,
    }
}

fn settle_children(tables: &[ChunkedTable], verdicts: &mut [Verdict]) {
    let directors = tables.iter().zip(verdicts.iter());
    let directors = directors.filter(|(table, _)| table.spec.role == TableRole::Director);
    let (mut accepted, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    for (table, verdict) in directors {
        if verdict.schema.is_some() {
            accepted.insert(table.key());
        } else if verdict.finding.truth == Truth::Unknown {
            waiting.insert(table.key());
        }
    }
    for (table, verdict) in tables.iter().zip(verdicts) {
        let Some(Schema::Child(_, director)) = &verdict.schema else {
            continue;
        };
        let director = TableKey::new(&table.spec.database, director);
        if accepted.contains(&director) {
            continue;
        }
        *verdict = not_accepted(if waiting.contains(&director) {
            let why = format!("MariaDB has not tried its director {director} yet");
            Finding::unknown("TrialWaits", why)
        } else {
            let why = format!("spec.director: {director} is not accepted itself");
            Finding::unmet("DirectorNotAccepted", why)
        });
    }
}

/// What a table's standing says against its acceptance.
fn finding(subject: &Subject, standing: &Standing) -> Option<Finding> {
    let waits = |why: String| Some(Finding::unknown("TrialWaits", why));
    match standing {
        Standing::Said(Word::Taken) => None,
        Standing::Said(Word::Refused(refusal)) => {
            Some(Finding::unmet("RefusedByMariaDB", in_words(refusal)))
        }
        Standing::UnderWay => waits("a worker is trying whether MariaDB takes the table".into()),
        Standing::NoWorker => waits(match &subject.pool {
            Some(pool) => format!(
                "no worker of WorkerPool `{pool}` serves yet that could try whether MariaDB takes the table"
            ),
            None => "no worker serves yet that could try whether MariaDB takes the table".into(),
        }),
        Standing::Silent(why) => waits(format!(
            "no worker could try whether MariaDB takes the table: {why}"
        )),
    }
}

fn in_words(refusal: &Refusal) -> String {
    let table = match refusal.part {
        TrialPart::Home | TrialPart::Reference => "the table",
        TrialPart::Overlap => "the table of its overlap rows",
        TrialPart::Index => "the table of its director index",
        TrialPart::Shadow => "the table as czars make it",
    };
    let (code, message) = (refusal.code, &refusal.message);
    if refusal.is_made {
        format!("MariaDB makes {table} otherwise than declared: {message} ({code})")
    } else {
        format!("MariaDB refuses {table}: {message} ({code})")
    }
}
