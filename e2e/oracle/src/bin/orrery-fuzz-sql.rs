//! Generated statements against an archive and one plain server. Ends with
//! `fuzz-sql: N statements, equal E, refused R, wrong W, seed S; in chunks C, gathered G, …`, and
//! with an error when something was wrong.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use orrery_oracle::data::SHAPE;
use orrery_oracle::fuzz::extreme::tables;
use orrery_oracle::fuzz::run::{Plan, run};
use orrery_oracle::site::Site;

/// Compares answers to generated statements with those of one plain MariaDB.
#[derive(Parser)]
struct Args {
    /// Seed of the statements: the same seed, the same statements.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest time, minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Most statements.
    #[arg(long, default_value_t = u64::MAX)]
    statements: u64,
    /// Objects in the tables.
    #[arg(long, default_value_t = 160)]
    objects: i64,
    /// File for the wrong statements, made small, and for what was refused.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let site = Site::start(SHAPE, &tables(args.objects)?, &[]).await?;
    let plan = Plan {
        seed: args.seed,
        statements: args.statements,
        time: Duration::from_secs(60 * args.minutes),
    };
    let report = run(&site, plan).await?;
    match &args.report {
        Some(path) => {
            std::fs::write(path, report.details())?;
            print!("{}", report.refusals());
        }
        None => print!("{}", report.details()),
    }
    println!("{report}");
    ensure!(
        report.wrong.is_empty(),
        "{} statements are answered wrongly",
        report.wrong.len()
    );
    Ok(())
}
