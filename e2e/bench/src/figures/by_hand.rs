//! Statements whose parts the chunks compute, against what somebody would do by hand: on every
//! worker one statement over all its chunk tables, all at once, and the rows put together by the
//! client.

use std::collections::HashMap;

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use orrery_wire::client::ClientConnection;
use orrery_wire::value::TextCells;
use tokio::sync::Mutex;

use super::queries::again;
use crate::compare::{Effort, Medians, compare};
use crate::site::Site;

/// A statement, and how it is done by hand.
pub(super) struct ByHand {
    /// For Orrery.
    pub sql: &'static str,
    /// For each chunk table, with `{}` in place of its name.
    pub part: &'static str,
    /// What a worker does with the rows of its parts, with `{}` in their place.
    pub worker: &'static str,
    /// How the workers' rows become the answer.
    pub merge: Merge,
}

/// How rows of the workers become the answer.
pub(super) enum Merge {
    /// One row per first column; the second is added.
    Sums,
    /// The rows with the least first columns, so many of them.
    Least(usize),
    /// Equal rows once.
    Distinct,
    /// The number of different rows.
    CountDistinct,
}

/// Groups of ten kinds, added.
pub(super) const TEN_GROUPS: ByHand = groups(
    "SELECT objectId % 10, COUNT(*) FROM Object GROUP BY objectId % 10",
    "SELECT objectId % 10 AS k, COUNT(*) AS n FROM {} GROUP BY k",
);

/// Ten thousand groups.
pub(super) const MANY_GROUPS: ByHand = groups(
    "SELECT objectId % 10000, COUNT(*) FROM Object GROUP BY objectId % 10000",
    "SELECT objectId % 10000 AS k, COUNT(*) AS n FROM {} GROUP BY k",
);

/// A group for each row.
pub(super) const ALL_GROUPS: ByHand = groups(
    "SELECT objectId, COUNT(*) FROM Object GROUP BY objectId",
    "SELECT objectId AS k, COUNT(*) AS n FROM {} GROUP BY k",
);

/// The first rows in an order.
pub(super) const FIRST_ROWS: ByHand = ByHand {
    sql: "SELECT rMag, objectId FROM Object WHERE rMag > 0 ORDER BY rMag, objectId LIMIT 10",
    part: "(SELECT rMag, objectId FROM {} WHERE rMag > 0 ORDER BY rMag, objectId LIMIT 10)",
    worker: "{} ORDER BY 1, 2 LIMIT 10",
    merge: Merge::Least(10),
};

/// Different values.
pub(super) const DISTINCT: ByHand = ByHand {
    sql: "SELECT COUNT(DISTINCT sourceCount, flags) FROM Object",
    part: "SELECT DISTINCT sourceCount, flags FROM {}",
    worker: "SELECT DISTINCT * FROM ({}) AS parts",
    merge: Merge::CountDistinct,
};

/// A subquery over the same keys.
pub(super) const IN_SELECT: ByHand = ByHand {
    sql: "SELECT 1, COUNT(*) FROM Object WHERE objectId IN (SELECT objectId FROM Object WHERE rMag < 20)",
    part: "SELECT 1 AS k, COUNT(*) AS n FROM {0} WHERE objectId IN (SELECT objectId FROM {0} WHERE rMag < 20)",
    worker: "SELECT k, SUM(n) FROM ({}) AS parts GROUP BY k",
    merge: Merge::Sums,
};

/// Rows of two conditions, each once.
pub(super) const UNION: ByHand = ByHand {
    sql: "SELECT objectId FROM Object WHERE rMag < 18 UNION SELECT objectId FROM Object WHERE gMag < 18",
    part: "SELECT objectId FROM {0} WHERE rMag < 18 UNION SELECT objectId FROM {0} WHERE gMag < 18",
    worker: "{}",
    merge: Merge::Distinct,
};

const fn groups(sql: &'static str, part: &'static str) -> ByHand {
    ByHand {
        sql,
        part,
        worker: "SELECT k, SUM(n) FROM ({}) AS parts GROUP BY k",
        merge: Merge::Sums,
    }
}

/// The statement through the proxy, and by hand in parallel.
pub(super) async fn measure(
    site: &Site,
    effort: Effort,
    statement: &ByHand,
) -> anyhow::Result<Medians> {
    let by_hand: Vec<(Mutex<ClientConnection>, String)> = site
        .workers()
        .await?
        .into_iter()
        .map(Mutex::new)
        .zip(site.objects.by_worker.iter())
        .map(|(connection, tables)| (connection, statement.of_worker(tables)))
        .collect();
    let orrery = Mutex::new(site.orrery().await?);
    let through = async || {
        let (_, rows) = orrery
            .lock()
            .await
            .query_all(statement.sql.as_bytes())
            .await?;
        anyhow::Ok(rows)
    };
    let (right, mut given) = (
        statement.in_parallel(&by_hand).await?,
        cells(&through().await?)?,
    );
    if !matches!(statement.merge, Merge::Least(_)) {
        given.sort();
    }
    ensure!(
        !right.is_empty() && right == given,
        "{}: {} rows by hand, {} rows through Orrery, and they differ",
        statement.sql,
        right.len(),
        given.len()
    );
    compare(
        site,
        effort,
        async || {
            let once = async || statement.in_parallel(&by_hand).await.map(drop);
            again(effort.seconds, once).await
        },
        async || again(effort.seconds, async || through().await.map(drop)).await,
    )
    .await
}

type Cells = Vec<Vec<u8>>;

fn cells(rows: &[Bytes]) -> anyhow::Result<Vec<Cells>> {
    let cells = rows.iter().map(|row| {
        let cells = TextCells::new(row).map(|cell| Ok(cell?.unwrap_or_default().to_vec()));
        cells.collect()
    });
    cells.collect()
}

fn number(cell: Option<&Vec<u8>>) -> anyhow::Result<f64> {
    let text = cell.map_or(&[][..], Vec::as_slice);
    Ok(std::str::from_utf8(text)?.parse()?)
}

impl ByHand {
    fn of_worker(&self, tables: &[String]) -> String {
        let parts: Vec<String> = tables
            .iter()
            .map(|table| self.part.replace("{0}", table).replace("{}", table))
            .collect();
        let glue = match self.merge {
            Merge::Distinct => " UNION ",
            _ => " UNION ALL ",
        };
        self.worker.replace("{}", &parts.join(glue))
    }

    /// The answer; in the order of its cells unless it has an order of its own.
    async fn in_parallel(
        &self,
        workers: &[(Mutex<ClientConnection>, String)],
    ) -> anyhow::Result<Vec<Cells>> {
        let parts = workers.iter().map(async |(connection, sql)| {
            let (_, rows) = connection.lock().await.query_all(sql.as_bytes()).await?;
            cells(&rows)
        });
        let rows: Vec<Cells> = try_join_all(parts).await?.into_iter().flatten().collect();
        self.merge.merge(rows)
    }
}

impl Merge {
    fn merge(&self, mut rows: Vec<Cells>) -> anyhow::Result<Vec<Cells>> {
        match self {
            Self::Sums => {
                let mut sums: HashMap<Vec<u8>, f64> = HashMap::new();
                for mut row in rows {
                    let count = number(row.get(1))?;
                    *sums.entry(row.swap_remove(0)).or_default() += count;
                }
                rows = sums
                    .into_iter()
                    .map(|(key, sum)| vec![key, sum.to_string().into_bytes()])
                    .collect();
                rows.sort();
            }
            Self::Least(count) => {
                let keyed = rows.into_iter().map(|row| Ok((number(row.first())?, row)));
                let mut keyed = keyed.collect::<anyhow::Result<Vec<(f64, Cells)>>>()?;
                keyed.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
                rows = keyed.into_iter().take(*count).map(|(_, row)| row).collect();
            }
            Self::Distinct | Self::CountDistinct => {
                rows.sort();
                rows.dedup();
                if matches!(self, Self::CountDistinct) {
                    rows = vec![vec![rows.len().to_string().into_bytes()]];
                }
            }
        }
        Ok(rows)
    }
}
