//! Has the catalog follow what is accepted.

use orrery_archive::catalog::Catalog;

use super::observe::Observed;
use super::plan::{self, Incarnations, Plan};
use crate::catalog::declared::{Schema, TableDeclaration};
use crate::catalog::edit;
use crate::catalog::error::WriterError;
use crate::controller::context::Context;
use crate::tables::{UserTable, Verdict};

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

    /// Gives an incarnation to each accepted table that has none.
    pub async fn reserve_incarnations(
        &self,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<Incarnations, WriterError> {
        let mut incarnations = Incarnations::new();
        self.reserve(&observed.chunked, &plan.tables.chunked, &mut incarnations)
            .await?;
        self.reserve(
            &observed.references,
            &plan.tables.references,
            &mut incarnations,
        )
        .await?;
        Ok(incarnations)
    }

    async fn reserve<T: UserTable>(
        &self,
        tables: &[T],
        verdicts: &[Verdict],
        incarnations: &mut Incarnations,
    ) -> Result<(), WriterError> {
        for (table, verdict) in tables.iter().zip(verdicts) {
            let incarnation = match table.incarnation() {
                None if verdict.schema.is_some() => Some(
                    self.context
                        .writer
                        .reserve_incarnation(self.namespace)
                        .await?,
                ),
                known => known,
            };
            incarnations.extend(table.meta().uid.clone().zip(incarnation));
        }
        Ok(())
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
            let change = |catalog: &Catalog| Ok(edit::accept_table(catalog, declaration));
            self.context.writer.change(self.namespace, change).await?;
            tracing::info!(namespace = self.namespace, table = %declaration.key, incarnation = declaration.incarnation, "accepted");
        }
        Ok(declarations.len())
    }

    /// Takes out of the catalog what no object declares.
    pub async fn retire(&self, plan: &Plan) -> Result<(), WriterError> {
        let (writer, namespace) = (&self.context.writer, self.namespace);
        for key in &plan.retired_tables {
            let change = |catalog: &Catalog| Ok(edit::retire_table(catalog, key));
            writer.change(namespace, change).await?;
            tracing::info!(namespace, table = %key, "retired: no object declares it");
        }
        for name in &plan.retired_families {
            let change = |catalog: &Catalog| edit::retire_family(catalog, name);
            writer.change(namespace, change).await?;
            tracing::info!(namespace, family = name, "retired: no object declares it");
        }
        Ok(())
    }
}

/// Whether the catalog has exactly this.
fn is_known(catalog: &Catalog, declaration: &TableDeclaration) -> bool {
    let known = catalog.tables.get(&declaration.key);
    known.is_some_and(|known| edit::is_declared(known, declaration))
}
