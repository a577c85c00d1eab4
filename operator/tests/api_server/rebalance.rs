//! Rebalancing as the cluster API sees it. Workers have no pods here: their statuses are written by
//! the test, and so are the copies that arrive.

use std::collections::{BTreeMap, BTreeSet};

use orrery_crds::kinds::{Rebalance, RebalancePhase, RebalanceStatus};
use orrery_operator::controller::runner::Controller;
use orrery_operator::rebalance::Rebalances;
use orrery_operator::repair::Repair;
use serde_json::json;

use crate::repair::{arrive_of, family, place, round, with_workers};
use crate::support::Archive;

/// Two workers with twelve chunks, twice each, and a third that came later.
async fn grown(purpose: &str) -> Archive {
    let archive = with_workers(purpose, 3).await;
    let placement = (0..12).map(|chunk| (chunk, vec![1, 2])).collect();
    place(&archive, 2, placement).await;
    archive
}

/// Both controllers, until they rest.
async fn settle(archive: &Archive, rebalances: &Rebalances, repair: &Repair) {
    let (context, namespace) = (&archive.context, &archive.namespace);
    let rounds = async || {
        rebalances.reconcile(context, namespace).await.unwrap();
        round(archive, repair).await;
    };
    archive.settle(rounds).await;
}

async fn status(archive: &Archive) -> RebalanceStatus {
    let rebalance = archive.api::<Rebalance>().get("main").await.unwrap();
    rebalance.status.unwrap()
}

/// Every intended copy is made.
async fn arrive_all(archive: &Archive) -> usize {
    let intended = family(archive).await.intended;
    for (chunk, workers) in &intended {
        for worker in workers {
            arrive_of(archive, *chunk, *worker).await;
        }
    }
    intended.len()
}

async fn held(archive: &Archive) -> BTreeMap<u32, usize> {
    let mut held = BTreeMap::new();
    for worker in family(archive).await.placement.values().flatten() {
        *held.entry(*worker).or_default() += 1;
    }
    held
}

#[tokio::test]
async fn a_worker_that_came_later_gets_its_share_and_another_leader_continues() {
    let archive = grown("share").await;
    settle(&archive, &Rebalances::default(), &Repair::default()).await;
    let moving = status(&archive).await;
    assert_eq!(moving.phase, RebalancePhase::Moving);
    assert_eq!((moving.moves, moving.moves_left), (8, 8));
    let planned = family(&archive).await;
    assert!(planned.placement.values().all(|listed| *listed == [1, 2]));
    let successor = (Rebalances::default(), Repair::default());
    settle(&archive, &successor.0, &successor.1).await;
    assert_eq!(family(&archive).await, planned, "decided once");
    assert_eq!(arrive_all(&archive).await, 8);
    settle(&archive, &successor.0, &successor.1).await;
    let after = family(&archive).await;
    assert_eq!(
        held(&archive).await,
        BTreeMap::from([(1, 8), (2, 8), (3, 8)])
    );
    assert!(after.leaving.is_empty() && after.intended.is_empty());
    let balanced = status(&archive).await;
    assert_eq!(balanced.phase, RebalancePhase::Balanced);
    assert_eq!(balanced.uneven_percent, Some(0));
}

#[tokio::test]
async fn without_auto_approve_a_plan_waits_for_its_name_and_a_stop_undoes_the_rest() {
    let archive = grown("approve").await;
    let by_hand = json!({"autoApprove": false});
    archive.create::<Rebalance>("main", by_hand).await.unwrap();
    let (rebalances, repair) = (Rebalances::default(), Repair::default());
    settle(&archive, &rebalances, &repair).await;
    let proposed = status(&archive).await;
    assert_eq!(proposed.phase, RebalancePhase::Proposed);
    assert!(family(&archive).await.intended.is_empty());
    let approve = async |plan: &str| {
        let patch = json!({"spec": {"approve": plan}});
        archive.edit::<Rebalance>("main", patch).await;
        settle(&archive, &rebalances, &repair).await;
        status(&archive).await.phase
    };
    assert_eq!(approve("000000000000").await, RebalancePhase::Proposed);
    let plan = proposed.plan.unwrap();
    assert_eq!(approve(&plan).await, RebalancePhase::Moving);
    let (chunk, _) = family(&archive).await.intended.pop_first().unwrap();
    arrive_of(&archive, chunk, 3).await;
    let stop = json!({"spec": {"stopped": true}});
    archive.edit::<Rebalance>("main", stop).await;
    settle(&archive, &rebalances, &repair).await;
    assert_eq!(status(&archive).await.phase, RebalancePhase::Stopped);
    let stopped = family(&archive).await;
    assert!(stopped.leaving.is_empty() && stopped.intended.is_empty());
    let listed: BTreeSet<usize> = stopped.placement.values().map(Vec::len).collect();
    assert_eq!(listed, [2].into());
}
