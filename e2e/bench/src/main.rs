//! `orrery-bench` (`make bench`): what Orrery costs, as ratios to one plain MariaDB that holds the
//! same rows, in the same run.
//!
//! [`site`] starts everything on loopback; [`figures`] are the things measured;
//! [`compare`](mod@compare) runs both sides of a figure by turns and takes medians; [`report`]
//! prints them as Markdown. Client, servers and everybody else share the machine's cores, so only
//! ratios within a round mean anything.

mod compare;
mod figures;
mod process;
mod report;
mod site;

use clap::Parser;

use crate::compare::Effort;
use crate::figures::Figure;
use crate::site::Site;

/// Measures queries against direct MariaDB.
#[derive(Parser)]
struct Args {
    /// Rows of Object.
    #[arg(long, default_value_t = 1_000_000)]
    objects: u64,
    /// Workers; the rows lie on them once.
    #[arg(long, default_value_t = 4)]
    workers: u32,
    /// Rounds of each figure; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Least seconds of each side in a round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Clients of the point lookups.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Measure these only.
    #[arg(long, value_enum)]
    only: Vec<Figure>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let effort = Effort {
        rounds: args.rounds,
        seconds: args.seconds,
    };
    let figures = if args.only.is_empty() {
        Figure::ALL.to_vec()
    } else {
        args.only
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        eprintln!(
            "bench: {} rows on {} workers and on one plain server…",
            args.objects, args.workers
        );
        let secured = figures.contains(&Figure::Secured);
        let site = Site::start(args.objects, args.workers, secured).await?;
        let mut lines = Vec::new();
        for figure in figures {
            eprintln!("bench: {}…", figure.title());
            lines.push(figure.measure(&site, effort, args.clients).await?);
        }
        report::print(&site, &lines)
    })
}
