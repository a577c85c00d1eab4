//! What a run found.

use std::collections::BTreeMap;
use std::fmt;

use orrery_archive::catalog::Catalog;
use orrery_plan::{Merge, TableRole, Work};

/// How a statement was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The chunks compute it, whose rows are the answer.
    Chunks,
    /// The chunks compute parts, which the czar merges.
    Merged,
    /// The chunks compute parts, which the shadow server merges.
    MergedInShadow,
    /// The chunks compute their parts of queries in FROM, and what stands over them.
    Derived,
    /// Tables are gathered.
    Gathered,
    /// Any one worker computes it.
    AnyWorker,
    /// The shadow server computes it.
    Shadow,
    /// The catalog knows it.
    Catalog,
    /// Not at all.
    Refused,
}

impl Kind {
    /// How a statement is planned.
    pub fn of(sql: &str, catalog: &Catalog) -> Self {
        let plan = orrery_plan::plan(sql, catalog, Some("sky"));
        let reads_derived = plan.as_ref().is_ok_and(|plan| {
            let mut tables = plan.tables.iter();
            tables.any(|table| table.role == TableRole::Derived)
        });
        match plan.map(|plan| plan.work) {
            Ok(Work::Chunks(_)) if reads_derived => Self::Derived,
            Ok(Work::Chunks(work)) => match work.merge {
                Merge::Concatenate(_) => Self::Chunks,
                Merge::Shadow(merge) if merge.simple.is_some() => Self::Merged,
                Merge::Shadow(_) => Self::MergedInShadow,
            },
            Ok(Work::Gather(_)) => Self::Gathered,
            Ok(Work::AnyWorker(_)) => Self::AnyWorker,
            Ok(Work::Shadow) => Self::Shadow,
            Ok(Work::Static(_)) => Self::Catalog,
            Err(_) => Self::Refused,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunks => "in chunks",
            Self::Merged => "merged by the czar",
            Self::MergedInShadow => "merged by the shadow server",
            Self::Derived => "over queries in chunks",
            Self::Gathered => "gathered",
            Self::AnyWorker => "any worker",
            Self::Shadow => "shadow server",
            Self::Catalog => "catalog",
            Self::Refused => "not planned",
        })
    }
}

/// A statement that was answered wrongly.
#[derive(Clone, Debug)]
pub struct Finding {
    /// As generated.
    pub original: String,
    /// As small as it could be made.
    pub reduced: String,
    /// How its answer differs.
    pub difference: String,
}

/// Statements that were refused for one reason.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// One of them.
    pub example: String,
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seed.
    pub seed: u64,
    /// Statements asked.
    pub statements: u64,
    /// Answered as by one server.
    pub equal: u64,
    /// Those, by how they were planned.
    pub kinds: BTreeMap<Kind, u64>,
    /// Refusals, by reason.
    pub refused: BTreeMap<String, Refusals>,
    /// Answered otherwise.
    pub wrong: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().map(|refusals| refusals.count).sum();
        write!(
            f,
            "fuzz-sql: {} statements, equal {}, refused {refused}, wrong {}, seed {}",
            self.statements,
            self.equal,
            self.wrong.len(),
            self.seed
        )?;
        for (number, (kind, count)) in self.kinds.iter().enumerate() {
            write!(f, "{} {kind} {count}", if number == 0 { ";" } else { "," })?;
        }
        Ok(())
    }
}

impl Report {
    /// Of the statements of a seed, none yet.
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Adds what another part of the run found.
    pub fn add(&mut self, other: Self) {
        self.statements += other.statements;
        self.equal += other.equal;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (reason, refusals) in other.refused {
            self.refuse(reason, refusals);
        }
        self.wrong.extend(other.wrong);
    }

    /// Notes refusals.
    pub fn refuse(&mut self, reason: String, refusals: Refusals) {
        let add = refusals.count;
        self.refused
            .entry(reason)
            .and_modify(|known| known.count += add)
            .or_insert(refusals);
    }

    /// The wrong statements, and what was refused how often.
    pub fn details(&self) -> String {
        let mut text = String::new();
        for finding in &self.wrong {
            text += &format!(
                "{}\n    {}\n    generated as: {}\n",
                finding.reduced, finding.difference, finding.original
            );
        }
        text + &self.refusals()
    }

    /// What was refused how often, and why.
    pub fn refusals(&self) -> String {
        let mut refused: Vec<(&String, &Refusals)> = self.refused.iter().collect();
        refused.sort_by_key(|(_, refusals)| std::cmp::Reverse(refusals.count));
        let line = |(reason, Refusals { count, example }): (&String, &Refusals)| {
            format!("refused {count}: {reason}\n    such as: {example}\n")
        };
        refused.into_iter().map(line).collect()
    }
}
