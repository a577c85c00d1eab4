//! What a statement is split into.

use crate::plan::Merge;
use crate::plan::template::Template;
use crate::query::expr::Expr;

/// The statement of a chunk and what becomes of its rows.
pub(super) struct Parts {
    pub template: Template,
    pub merge: Merge,
    pub exchange: Exchange,
    /// [`crate::plan::ChunkWork::joined_end`].
    pub joined_end: String,
}

/// What crosses from the chunks to the merge, and what the merge computes of it: what the last pass
/// looks at.
#[derive(Default)]
pub(crate) struct Exchange {
    /// Columns of the chunks' rows; none when they are the answer.
    pub columns: Vec<Column>,
    /// Every expression of the merge.
    pub merged: Vec<Expr>,
}

/// A column that crosses.
pub(crate) struct Column {
    pub expr: Expr,
    pub purpose: Purpose,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The merge computes with it.
    Value,
    /// Rows are ordered or made distinct by what it shows.
    Order,
    /// It is sent to the client as it is.
    Shown,
}

impl Exchange {
    /// Columns that the merge computes with.
    pub(super) fn computed(columns: Vec<Expr>, merged: Vec<Expr>) -> Self {
        let columns = columns.into_iter().map(|expr| Column {
            expr,
            purpose: Purpose::Value,
        });
        Self {
            columns: columns.collect(),
            merged,
        }
    }
}
