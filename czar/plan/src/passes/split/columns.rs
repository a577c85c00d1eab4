//! The columns of partial rows that aggregates ask for, and what the merge computes of each group
//! before it merges.

use crate::aggregate::Places;
use crate::query::expr::{Expr, Part};
use crate::query::functions::Returns;

/// The mean of a group's parts: columns of their counts and of their means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Centre {
    count: usize,
    mean: usize,
}

/// Columns that follow the keys.
pub(super) struct Columns {
    first: usize,
    are_finer: bool,
    partials: Vec<Expr>,
    centres: Vec<Centre>,
}

impl Columns {
    /// None yet, after so many keys. `are_finer`: as [`Places::are_finer`] says.
    pub(super) fn after(first: usize, are_finer: bool) -> Self {
        Self {
            first,
            are_finer,
            partials: Vec::new(),
            centres: Vec::new(),
        }
    }

    /// What parts compute, and what the merge computes first.
    pub(super) fn into_parts(self) -> (Vec<Expr>, Vec<Centre>) {
        (self.partials, self.centres)
    }
}

impl Places for Columns {
    /// Equal partial aggregates share their column.
    fn part(&mut self, value: Expr) -> usize {
        self.first + place_of(value, &mut self.partials)
    }

    fn centre(&mut self, count: usize, mean: usize) -> Expr {
        let place = place_of(Centre { count, mean }, &mut self.centres);
        Expr::Form(vec![Part::Text(name(place))], Returns::Double)
    }

    fn are_finer(&self) -> bool {
        self.are_finer
    }
}

fn place_of<T: PartialEq>(value: T, all: &mut Vec<T>) -> usize {
    let known = all.iter().position(|known| *known == value);
    known.unwrap_or_else(|| {
        all.push(value);
        all.len() - 1
    })
}

/// Name of a centre's column at the merge.
fn name(place: usize) -> String {
    format!("`c{place}`")
}

/// What surrounds the temporary table's name in FROM: a derived table with the centres in addition,
/// when there are any. `keys` are the texts of what the merge groups by.
pub(super) fn source(centres: &[Centre], keys: &[String]) -> (String, String) {
    if centres.is_empty() {
        return (String::new(), String::new());
    }
    let mut before = "(SELECT *".to_owned();
    for (place, Centre { count, mean }) in centres.iter().enumerate() {
        let of_group = |text: &str| format!("{text} OVER `g`");
        let (least, greatest) = (format!("MIN(`p{mean}`)"), format!("MAX(`p{mean}`)"));
        let total = format!("SUM(`p{count}` * `p{mean}`)");
        // Equal means have just this centre, without a rounding.
        before.push_str(&format!(
            ", IF({least} = {greatest}, {least}, {total} / {counts}) AS {name}",
            least = of_group(&least),
            greatest = of_group(&greatest),
            total = of_group(&total),
            counts = of_group(&format!("SUM(`p{count}`)")),
            name = name(place)
        ));
    }
    before.push_str(" FROM ");
    let keys = match keys {
        [] => String::new(),
        keys => format!("PARTITION BY {}", keys.join(", ")),
    };
    (before, format!(" WINDOW `g` AS ({keys})) AS `parts`"))
}
