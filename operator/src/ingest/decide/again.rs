//! Pending, when an Ingest of this name was there before: its rows are in the catalog, or others are
//! (see [`former`]).

use kube::ResourceExt;
use orrery_archive::catalog::{Segment, Table};

use super::announce;
use crate::ingest::decision::{Decision, Earlier, Loaded, Order, Step};
use crate::ingest::former::{self, Former};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Published, State};

/// What is decided because rows are visible under the name of the ingest.
pub fn decide(observed: &Observed<'_>) -> Option<Decision> {
    let table = table(observed)?;
    match former::visible(table, &observed.ingest.name_any(), &observed.spec)? {
        Former::Same(held) => Some(adopted(observed, table, held)),
        Former::Other(held) => {
            let why = former::name_taken(&observed.key(), held);
            let mut step = Step::to(State::Failed, why.clone()).order(Order::EndJob);
            step.earlier = Some(Earlier::NameTaken(why));
            Some(step.into())
        }
    }
}

/// What is decided for an ingest that is to be revoked before it was loaded: one whose rows are in
/// the catalog is as the catalog has it.
pub fn taken_back(observed: &Observed<'_>) -> Option<Decision> {
    let table = table(observed)?;
    let name = observed.ingest.name_any();
    if let Some(Former::Same(held)) = former::visible(table, &name, &observed.spec) {
        return Some(adopted(observed, table, held));
    }
    let held = former::revoked(table, &name, &observed.spec)?;
    let published = Published {
        segment: held.id,
        data_epoch: held.published,
    };
    let mut step = Step::to(State::Revoked(published), "the rows are taken back");
    step.earlier = Some(loaded(observed, table, held));
    Some(step.order(Order::EndJob).into())
}

fn table<'a>(observed: &'a Observed<'_>) -> Option<&'a Table> {
    observed.catalog.tables.get(&observed.key())
}

/// As after its publish, which another object of this name saw.
fn adopted(observed: &Observed<'_>, table: &Table, held: &Segment) -> Decision {
    let mut decision = announce::decide(observed, held.id);
    if let Decision::Step(step) = &mut decision {
        step.earlier = Some(loaded(observed, table, held));
    }
    decision
}

fn loaded(observed: &Observed<'_>, table: &Table, held: &Segment) -> Earlier {
    let loaded = Loaded {
        incarnation: table.incarnation,
        attempt: held.attempt,
        rows: held.rows,
        chunks: held.home.len() as u64,
        bytes: held.bytes,
    };
    Earlier::Loaded(loaded, former::already_loaded(held, &observed.uid))
}
