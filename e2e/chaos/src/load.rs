//! Clients that ask all the time, each over one connection to one proxy at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mysql_async::{Conn, Opts};
use orrery_e2e::login;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::{sleep, timeout};

use crate::batches::{Batches, Seen};
use crate::ledger::Ledger;
use crate::questions::{NoAnswer, Question};
use crate::tally::Tally;
use crate::ways::{Way, Ways};

/// A proxy that does not take a connection in this time is left for another one.
const CONNECT: Duration = Duration::from_secs(5);
/// A statement without an answer in this time failed.
const ANSWER: Duration = Duration::from_secs(120);
/// Statements on a connection, at most.
const STATEMENTS: u32 = 60;

/// What all clients share.
pub struct Load {
    pub ways: Ways,
    pub questions: Vec<Question>,
    pub batches: Batches,
    pub ledger: Ledger,
    pub tally: Tally,
    pub stopped: AtomicBool,
}

/// A connection, and what is known about it.
struct Session {
    conn: Conn,
    way: Way,
    /// When its proxy was last known to live.
    alive: Instant,
    /// Batches of rows that it has seen: they never go.
    seen: Seen,
}

/// How a statement ended.
enum Outcome {
    Right,
    Wrong(String),
    Lost(String),
    None { error: String, begun: bool },
}

/// Asks until the load is stopped.
pub async fn client(load: Arc<Load>, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    while !load.stopped.load(Ordering::Relaxed) {
        let Some(mut session) = open(&load, random.next_u64()).await else {
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        let statements = random.random_range(1..=STATEMENTS);
        for _ in 0..statements {
            let pick = random.next_u32() as usize;
            if load.stopped.load(Ordering::Relaxed) || !ask(&load, &mut session, pick).await {
                break;
            }
        }
        // Whoever does not answer a goodbye is left.
        drop(timeout(CONNECT, session.conn.disconnect()).await);
    }
}

/// A connection to a proxy that was not hit just now.
async fn open(load: &Load, pick: u64) -> Option<Session> {
    let now = Instant::now();
    let hit = |way: &Way| load.ledger.hit(&way.pod, &way.node, now);
    let way = load.ways.choose(pick, hit)?;
    let to = login()
        .ok()?
        .ip_or_hostname("127.0.0.1")
        .tcp_port(way.port());
    let conn = timeout(CONNECT, Conn::new(Opts::from(to))).await;
    Some(Session {
        conn: conn.ok()?.ok()?,
        way,
        alive: Instant::now(),
        seen: Seen::default(),
    })
}

/// Asks one statement; whether the connection is still of use.
async fn ask(load: &Load, session: &mut Session, pick: usize) -> bool {
    // One statement in eight looks at the rows that come meanwhile.
    let looks = pick.is_multiple_of(8);
    let question = &load.questions[(pick / 8) % load.questions.len()];
    let sql = if looks {
        load.batches.sql()
    } else {
        question.sql
    };
    let began = Instant::now();
    let outcome = if looks {
        look(load, session).await
    } else {
        compare(question, &mut session.conn).await
    };
    let seconds = began.elapsed().as_secs_f64();
    let place = format!("at {} after {seconds:.1} s: {sql}", session.way.pod);
    let is_answered = record(load, session, outcome, &place);
    if is_answered {
        session.alive = Instant::now();
    }
    is_answered
}

/// Counts an outcome; whether it is an answer.
fn record(load: &Load, session: &Session, outcome: Outcome, place: &str) -> bool {
    let (way, tally) = (&session.way, &load.tally);
    match outcome {
        Outcome::None { error, begun } => {
            if begun || load.ledger.hit(&way.pod, &way.node, session.alive) {
                tally.excused();
            } else {
                tally.failed(format_args!("{place}: {error}"));
            }
            return false;
        }
        Outcome::Right => {}
        Outcome::Wrong(what) => tally.wrong(format_args!("{what} {place}")),
        Outcome::Lost(what) => tally.lost(format_args!("{what} {place}")),
    }
    tally.answered();
    true
}

fn none(no: &NoAnswer) -> Outcome {
    Outcome::None {
        error: no.error.to_string(),
        begun: no.begun,
    }
}

fn silent() -> Outcome {
    Outcome::None {
        error: format!("no answer in {} s", ANSWER.as_secs()),
        begun: false,
    }
}

async fn compare(question: &Question, conn: &mut Conn) -> Outcome {
    match timeout(ANSWER, question.ask(conn)).await {
        Ok(Ok(true)) => Outcome::Right,
        Ok(Ok(false)) => Outcome::Wrong(format!("{:?}", question.form)),
        Ok(Err(no)) => none(&no),
        Err(_) => silent(),
    }
}

async fn look(load: &Load, session: &mut Session) -> Outcome {
    match timeout(ANSWER, load.batches.look(&mut session.conn)).await {
        Ok(Ok(found)) => {
            if let Some(part) = found.broken() {
                return Outcome::Wrong(part);
            }
            match session.seen.then(found) {
                Some(gone) => Outcome::Lost(gone),
                None => Outcome::Right,
            }
        }
        Ok(Err(no)) => none(&no),
        Err(_) => silent(),
    }
}
