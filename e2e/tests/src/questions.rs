//! Statements whose answers are known, to be asked again and again while things die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Value};
use tokio::task::JoinHandle;

use crate::login;
use crate::pods::Forward;

/// One statement of each kind: a sealed count, a count by rows, a lookup, a cone search, a
/// histogram and a join.
pub const STATEMENTS: [&str; 6] = [
    "SELECT COUNT(*) FROM sky.Source",
    "SELECT COUNT(*), SUM(sourceId), AVG(psfFlux) FROM sky.Source WHERE psfFlux IS NOT NULL",
    "SELECT * FROM sky.Object WHERE objectId = 777",
    "SELECT objectId, ra, decl, rMag FROM sky.Object WHERE qserv_areaspec_circle(1.0, 2.0, 0.5) ORDER BY objectId",
    "SELECT FLOOR(rMag) AS magnitude, COUNT(*) FROM sky.Object GROUP BY magnitude ORDER BY magnitude",
    "SELECT o.objectId, f.name, COUNT(*), AVG(s.psfFlux) FROM sky.Object o JOIN sky.Source s ON s.objectId = o.objectId \
     JOIN sky.Filter f ON f.filterId = s.filterId WHERE o.ra BETWEEN 1.0 AND 1.2 AND o.decl BETWEEN 2.0 AND 2.2 \
     GROUP BY o.objectId, f.name ORDER BY o.objectId, f.name",
];

/// Statements that are pruned to few chunks, from [`STATEMENTS`].
pub const PRUNED: [usize; 3] = [2, 3, 5];

/// An answer: rows of cells.
pub type Answer = Vec<Vec<Value>>;

/// The answer of one statement.
pub async fn ask(session: &mut Conn, sql: &str) -> Result<Answer, mysql_async::Error> {
    let rows: Vec<Row> = session.query(sql).await?;
    Ok(rows.into_iter().map(Row::unwrap).collect())
}

/// Statements with the answers they had when all was well. One dataEpoch gives the same bits each
/// time, so equal means equal.
#[derive(Clone)]
pub struct Questions(Arc<Vec<(String, Answer)>>);

impl Questions {
    /// Asks each statement once, while all is well.
    pub async fn learn(
        session: &mut Conn,
        statements: impl IntoIterator<Item = &str>,
    ) -> Result<Self> {
        let mut known = Vec::new();
        for sql in statements {
            let answer = ask(session, sql).await.with_context(|| sql.to_owned())?;
            if answer.is_empty() {
                bail!("no row to compare later: {sql}");
            }
            known.push((sql.to_owned(), answer));
        }
        Ok(Self(Arc::new(known)))
    }

    /// Asks everything once more.
    pub async fn check(&self, session: &mut Conn) -> Result<()> {
        for (sql, right) in self.0.iter() {
            let answer = ask(session, sql).await.with_context(|| sql.clone())?;
            if answer != *right {
                bail!(
                    "a wrong answer to {sql}: {} rows, not {}",
                    answer.len(),
                    right.len()
                );
            }
        }
        Ok(())
    }

    /// Asks on and on over several connections of one proxy until [`Asking::stop`].
    pub async fn keep_asking(&self, way: OptsBuilder, connections: usize) -> Result<Asking> {
        let stopped = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicU64::new(0));
        let mut loops = Vec::new();
        for _ in 0..connections {
            let mut session = Conn::new(Opts::from(way.clone())).await?;
            let (questions, stopped, rounds) =
                (self.clone(), Arc::clone(&stopped), Arc::clone(&rounds));
            loops.push(tokio::spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    questions.check(&mut session).await?;
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                session.disconnect().await.context("goodbye")
            }));
        }
        Ok(Asking {
            stopped,
            rounds,
            loops,
        })
    }
}

/// Asks the demo's statements all the time at one proxy, over two connections; the way to it stands
/// as long as its [`Forward`].
pub async fn asking_at(proxy: &Pod) -> Result<(Forward, Asking)> {
    let forward = Forward::open(proxy, 4040).await?;
    let way = login()?.ip_or_hostname("127.0.0.1").tcp_port(forward.port);
    let mut session = Conn::new(Opts::from(way.clone())).await?;
    let questions = Questions::learn(&mut session, STATEMENTS).await?;
    let asking = questions.keep_asking(way, 2).await?;
    Ok((forward, asking))
}

/// Loops that ask; any wrong answer or error ends one of them with it.
pub struct Asking {
    stopped: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    loops: Vec<JoinHandle<Result<()>>>,
}

impl Asking {
    /// Waits until everything was asked `more` times more; an error when a loop ended meanwhile.
    pub async fn rounds(&self, more: u64) -> Result<()> {
        let goal = self.rounds.load(Ordering::Relaxed) + more;
        while self.rounds.load(Ordering::Relaxed) < goal {
            if self.loops.iter().any(JoinHandle::is_finished) {
                // Its error is reported by `stop`.
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends the loops; the first wrong answer or error that one met.
    pub async fn stop(self) -> Result<u64> {
        self.stopped.store(true, Ordering::Relaxed);
        for asking in self.loops {
            asking.await??;
        }
        Ok(self.rounds.load(Ordering::Relaxed))
    }
}
