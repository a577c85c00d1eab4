//! Has the catalog follow what is accepted.

use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_crds::kinds::{BEGIN_EMPTY, ChunkedTable, TableRole};

use super::observe::Observed;
use super::plan::{self, Incarnations, Plan};
use crate::catalog::declared::{Schema, TableDeclaration};
use crate::catalog::edit::{self, Claim, Claimed, EditError};
use crate::catalog::error::WriterError;
use crate::catalog::writer::Edit;
use crate::controller::conditions::Finding;
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::tables::retired::{kept, reference, seconds};
use crate::tables::{UserTable, Verdict, Verdicts};

/// The archive whose catalog follows.
pub struct Archive<'a> {
    /// The operator's tools.
    pub context: &'a Context,
    /// Its namespace.
    pub namespace: &'a str,
}

impl Archive<'_> {
    /// Makes the catalog's families as accepted.
    pub async fn accept_families(&self, plan: &Plan) -> Result<(), WriterError> {
        for declaration in plan
            .families
            .iter()
            .filter_map(|verdict| verdict.declaration.as_ref())
        {
            let change = |catalog: &Catalog| edit::accept_family(catalog, declaration);
            self.context.writer.change(self.namespace, change).await?;
        }
        Ok(())
    }

    /// Gives an incarnation to each accepted table that has none: a new one, or that of a deleted
    /// table whose rows come back. A table whose rows cannot come back is refused, in `plan`.
    pub async fn claim_incarnations(
        &self,
        observed: &Observed,
        plan: &mut Plan,
    ) -> Result<Incarnations, WriterError> {
        let mut incarnations = Incarnations::new();
        let Verdicts {
            chunked,
            references,
        } = &mut plan.tables;
        // A child comes back when its director is there.
        for is_child in [false, true] {
            let role = |table: &ChunkedTable| (table.spec.role == TableRole::Child) == is_child;
            let tables = observed.chunked.iter().zip(chunked.iter_mut());
            for (table, verdict) in tables.filter(|(table, _)| role(table)) {
                self.claim(table, verdict, &mut incarnations).await?;
            }
        }
        for (table, verdict) in observed.references.iter().zip(references) {
            self.claim(table, verdict, &mut incarnations).await?;
        }
        Ok(incarnations)
    }

    async fn claim<T: UserTable>(
        &self,
        table: &T,
        verdict: &mut Verdict,
        incarnations: &mut Incarnations,
    ) -> Result<(), WriterError> {
        let Some(uid) = table.meta().uid.clone() else {
            return Ok(());
        };
        let Some(schema) = verdict.schema.clone() else {
            incarnations.extend(table.incarnation().map(|known| (uid, known)));
            return Ok(());
        };
        let claim = Claim {
            key: table.key(),
            schema,
            known: table.incarnation(),
            begins_empty: table.begins_empty(),
        };
        let now = seconds(Timestamp::now());
        let edit = |catalog: &Catalog| {
            let (next, claimed) = edit::claim(catalog, &claim, now)?;
            Ok(match next {
                Some(next) => Edit::Write(Box::new(next), claimed),
                None => Edit::Keep(claimed),
            })
        };
        match self.context.writer.edit(self.namespace, edit).await {
            Ok((_, claimed)) => {
                if let Claimed::Returned(incarnation) = claimed {
                    self.announce_return(table, incarnation).await;
                }
                incarnations.insert(uid, claimed.incarnation());
                Ok(())
            }
            Err(WriterError::Refused(why)) => {
                let finding = Finding::unmet("RowsCannotReturn", cannot_return(&claim.key, &why));
                (verdict.finding, verdict.schema) = (finding, None);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn announce_return<T: UserTable>(&self, table: &T, incarnation: u64) {
        let (namespace, key) = (self.namespace, table.key());
        tracing::info!(namespace, table = %key, incarnation, "a deleted table came back with its rows");
        let note = format!("{key} has the rows again that it had before it was deleted");
        let event = Event::normal("RowsReturned", note);
        let about = table.object_ref(&());
        self.context.events.publish(&about, None, event).await;
    }

    /// Makes the catalog's tables as accepted. Says how many were not.
    pub async fn accept_tables(
        &self,
        observed: &Observed,
        plan: &Plan,
        incarnations: &Incarnations,
    ) -> Result<usize, WriterError> {
        let chunked = plan::declarations(&observed.chunked, &plan.tables.chunked, incarnations);
        let references =
            plan::declarations(&observed.references, &plan.tables.references, incarnations);
        let mut declarations: Vec<TableDeclaration> = chunked
            .chain(references)
            .filter(|declaration| !is_known(&observed.catalog, declaration))
            .collect();
        // A child needs its director in the catalog.
        declarations.sort_by_key(|declaration| matches!(declaration.schema, Schema::Child(..)));
        for declaration in &declarations {
            let now = seconds(Timestamp::now());
            let change = |catalog: &Catalog| Ok(edit::accept_table(catalog, declaration, now));
            self.context.writer.change(self.namespace, change).await?;
            tracing::info!(namespace = self.namespace, table = %declaration.key, incarnation = declaration.incarnation, "accepted");
        }
        Ok(declarations.len())
    }

    /// Takes out of the catalog what no object declares.
    pub async fn retire(&self, plan: &Plan) -> Result<(), WriterError> {
        let (writer, namespace) = (&self.context.writer, self.namespace);
        for key in &plan.retired_tables {
            let now = seconds(Timestamp::now());
            let change = |catalog: &Catalog| Ok(edit::retire_table(catalog, key, now));
            let catalog = writer.change(namespace, change).await?;
            tracing::info!(namespace, table = %key, "retired: no object declares it");
            let of_key = catalog
                .retired
                .values()
                .filter(|retired| retired.key == *key);
            if let Some(retired) = of_key.max_by_key(|retired| retired.since) {
                let about = reference(namespace, retired);
                let event = kept(retired);
                self.context.events.publish(&about, None, event).await;
            }
        }
        for name in &plan.retired_families {
            let change = |catalog: &Catalog| edit::retire_family(catalog, name);
            writer.change(namespace, change).await?;
            tracing::info!(namespace, family = name, "retired: no object declares it");
        }
        Ok(())
    }
}

/// Why a deleted table does not come back, and what can be done.
fn cannot_return(key: &TableKey, why: &EditError) -> String {
    format!(
        "the rows of the deleted table {key} are kept, but {why}; with the annotation {BEGIN_EMPTY}: \"true\" this table begins without them"
    )
}

/// Whether the catalog has exactly this.
fn is_known(catalog: &Catalog, declaration: &TableDeclaration) -> bool {
    let known = catalog.tables.get(&declaration.key);
    known.is_some_and(|known| edit::is_declared(known, declaration))
}
