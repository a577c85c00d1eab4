//! Both sides of a figure by turns, round by round.

use anyhow::Context;

use crate::process::cpu_seconds;
use crate::site::Site;

/// How hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds.
    pub rounds: usize,
    /// Least seconds of each side in a round.
    pub seconds: f64,
}

/// What one side did in a round.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Operations done.
    pub operations: f64,
    /// Seconds it took.
    pub seconds: f64,
}

impl Run {
    fn rate(self) -> f64 {
        self.operations / self.seconds
    }
}

/// Medians over all rounds.
#[derive(Clone, Copy, Debug)]
pub struct Medians {
    /// Operations per second without Orrery.
    pub direct: f64,
    /// Operations per second through Orrery.
    pub orrery: f64,
    /// Ratio of the two in the same round: least, median, most.
    pub ratio: [f64; 3],
    /// Microseconds of CPU per operation.
    pub cpu: Cpu,
}

/// Microseconds of CPU per operation, by who spent them.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Proxy.
    pub proxy: f64,
    /// Czar.
    pub czar: f64,
    /// All workers and the shadow server together.
    pub servers: f64,
    /// Servers without Orrery.
    pub direct: f64,
}

/// CPU seconds so far.
struct Clock {
    proxy: f64,
    czar: f64,
    servers: f64,
    plain: f64,
}

impl Clock {
    fn all(&self) -> f64 {
        self.proxy + self.czar + self.servers + self.plain
    }

    fn now(site: &Site) -> anyhow::Result<Self> {
        let all = |pids: &mut dyn Iterator<Item = u32>| -> anyhow::Result<f64> {
            pids.map(cpu_seconds).sum()
        };
        let shadows = site.shadows().filter_map(|server| server.pid());
        let mut servers = site.worker_pids().into_iter().chain(shadows);
        Ok(Self {
            proxy: all(&mut site.fronts().map(|front| front.proxy.pid()))?,
            czar: all(&mut site.fronts().map(|front| front.czar.pid()))?,
            servers: all(&mut servers)?,
            plain: site.plain.pid().map_or(Ok(0.0), cpu_seconds)?,
        })
    }
}

/// Runs both sides once to warm them, then by turns, the first one changing every round.
pub async fn compare(
    site: &Site,
    effort: Effort,
    direct: impl AsyncFn() -> anyhow::Result<Run>,
    orrery: impl AsyncFn() -> anyhow::Result<Run>,
) -> anyhow::Result<Medians> {
    direct().await.context("warm-up without Orrery")?;
    orrery().await.context("warm-up through Orrery")?;
    let mut rounds = Vec::new();
    let mut cpu = Vec::new();
    for round in 0..effort.rounds {
        let (without, through, spent) = if round % 2 == 0 {
            let (without, direct_spent) = timed(site, &direct).await?;
            let (through, spent) = timed(site, &orrery).await?;
            (
                without,
                through,
                per_operation(&spent, through, &direct_spent, without),
            )
        } else {
            let (through, spent) = timed(site, &orrery).await?;
            let (without, direct_spent) = timed(site, &direct).await?;
            (
                without,
                through,
                per_operation(&spent, through, &direct_spent, without),
            )
        };
        rounds.push((without.rate(), through.rate()));
        cpu.push(spent);
    }
    let ratios = sorted(rounds.iter().map(|(without, through)| through / without));
    Ok(Medians {
        direct: median(rounds.iter().map(|round| round.0)),
        orrery: median(rounds.iter().map(|round| round.1)),
        ratio: [
            ratios.first().copied().unwrap_or_default(),
            median(ratios.iter().copied()),
            ratios.last().copied().unwrap_or_default(),
        ],
        cpu: Cpu {
            proxy: median(cpu.iter().map(|cpu| cpu.proxy)),
            czar: median(cpu.iter().map(|cpu| cpu.czar)),
            servers: median(cpu.iter().map(|cpu| cpu.servers)),
            direct: median(cpu.iter().map(|cpu| cpu.direct)),
        },
    })
}

async fn timed(
    site: &Site,
    side: &impl AsyncFn() -> anyhow::Result<Run>,
) -> anyhow::Result<(Run, Clock)> {
    let before = Clock::now(site)?;
    let run = side().await?;
    let after = Clock::now(site)?;
    let spent = Clock {
        proxy: after.proxy - before.proxy,
        czar: after.czar - before.czar,
        servers: after.servers - before.servers,
        plain: after.plain - before.plain,
    };
    Ok((run, spent))
}

/// Hand-made parallel queries go to the workers, other direct ones to the plain server, and those
/// without TLS to a proxy of their own: all of it counts as direct.
fn per_operation(spent: &Clock, through: Run, direct_spent: &Clock, without: Run) -> Cpu {
    let micros = |seconds: f64, run: Run| seconds * 1e6 / run.operations;
    Cpu {
        proxy: micros(spent.proxy, through),
        czar: micros(spent.czar, through),
        servers: micros(spent.servers, through),
        direct: micros(direct_spent.all(), without),
    }
}

/// The middle one; of an even number the upper.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
