//! `kubectl orrery rebalance`: what is to move between a pool's workers, and whether it may.

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use orrery_crds::kinds::{Rebalance, RebalancePhase};
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::output::outln;
use crate::table::Table;
use crate::units;

/// What is done with rebalances.
#[derive(Subcommand)]
pub enum Command {
    /// Lets the proposed plan be carried out.
    Approve(Pool),
    /// Stops what moves: what has moved stays where it is.
    Stop(Pool),
    /// Lets chunks move again after a stop.
    Resume(Pool),
}

/// Which pool.
#[derive(Args)]
pub struct Pool {
    /// Name of a WorkerPool; may be left out where there is one.
    pool: Option<String>,
}

/// Lists the plans, or does what the command says.
pub async fn run(archive: &Archive, command: Option<Command>) -> Result<()> {
    let api: Api<Rebalance> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let listed = api.list(&ListParams::default()).await;
    let rebalances = listed.context("listing rebalances")?.items;
    let Some(command) = command else {
        outln!("{}", rows(&rebalances).text())?;
        return Ok(());
    };
    let (Command::Approve(Pool { pool })
    | Command::Stop(Pool { pool })
    | Command::Resume(Pool { pool })) = &command;
    let rebalance = find(&rebalances, pool.as_deref())?;
    let name = rebalance.name_any();
    let parameters = PatchParams {
        field_manager: Some("kubectl-orrery".into()),
        ..PatchParams::default()
    };
    let patch = patch(rebalance, &command)?;
    let asked = api.patch(&name, &parameters, &Patch::Merge(patch)).await;
    asked.with_context(|| format!("rebalance {name}"))?;
    match command {
        Command::Approve(_) => outln!("{name}: the plan is approved")?,
        Command::Stop(_) => outln!("{name}: nothing is to move")?,
        Command::Resume(_) => outln!("{name}: chunks may move again")?,
    }
    Ok(())
}

fn find<'a>(rebalances: &'a [Rebalance], pool: Option<&str>) -> Result<&'a Rebalance> {
    match (pool, rebalances) {
        (Some(pool), all) => {
            let found = all.iter().find(|one| one.name_any() == pool);
            found.with_context(|| format!("there is no rebalance {pool}"))
        }
        (None, [only]) => Ok(only),
        (None, []) => bail!("there is no rebalance: the operator makes one for each pool"),
        (None, _) => bail!("there are several pools: name one"),
    }
}

fn patch(rebalance: &Rebalance, command: &Command) -> Result<Value> {
    let status = rebalance.status.clone().unwrap_or_default();
    Ok(match command {
        Command::Approve(_) => {
            let proposed = status.phase == RebalancePhase::Proposed;
            let plan = status.plan.filter(|_| proposed);
            let plan = plan.with_context(|| format!("no plan waits: {}", status.message))?;
            json!({"spec": {"approve": plan}})
        }
        Command::Stop(_) => json!({"spec": {"stopped": true}}),
        Command::Resume(_) => json!({"spec": {"stopped": false}}),
    })
}

/// A line for each pool.
pub fn rows(rebalances: &[Rebalance]) -> Table {
    let mut table = Table::with_header([
        "REBALANCE",
        "PHASE",
        "UNEVEN",
        "PLAN",
        "MOVES",
        "LEFT",
        "BYTES",
        "MESSAGE",
    ]);
    for rebalance in rebalances {
        let status = rebalance.status.clone().unwrap_or_default();
        let uneven = status.uneven_percent;
        table.row([
            rebalance.name_any(),
            format!("{:?}", status.phase),
            uneven.map_or_else(|| "-".into(), |percent| format!("{percent} %")),
            status.plan.unwrap_or_else(|| "-".into()),
            units::count(status.moves),
            units::count(status.moves_left),
            status.size,
            status.message,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebalance(name: &str, phase: &str) -> Rebalance {
        serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Rebalance", "metadata": {"name": name},
            "spec": {}, "status": {"phase": phase, "plan": "0123456789ab", "moves": 40},
        }))
        .unwrap()
    }

    #[test]
    fn only_a_plan_that_waits_is_approved_and_by_its_name() {
        let approve = Command::Approve(Pool { pool: None });
        let patch_of = |phase| patch(&rebalance("main", phase), &approve);
        let approved = patch_of("Proposed").unwrap();
        assert_eq!(approved, json!({"spec": {"approve": "0123456789ab"}}));
        assert!(patch_of("Balanced").is_err());
    }

    #[test]
    fn a_pool_may_be_left_out_where_there_is_one() {
        let two = [rebalance("a", "Balanced"), rebalance("b", "Balanced")];
        assert!(find(&two, None).is_err());
        assert_eq!(find(&two, Some("b")).unwrap().name_any(), "b");
        assert_eq!(find(&two[..1], None).unwrap().name_any(), "a");
        assert!(find(&two, Some("c")).is_err());
    }
}
