//! The operator against a real API server, with the permissions the chart gives it.
//!
//! These tests need `ORRERY_TEST_KUBECONFIG`, which `make test` sets; by hand:
//! `export ORRERY_TEST_KUBECONFIG=$(e2e/cluster/apiserver-only start DIR)`. Without it they fail.
//! There are no nodes and no controllers, so no pod runs but those of `nodes`: what is tested is what
//! the operator says to the cluster API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::items_after_statements,
    reason = "a test's helpers end the test, as its own code does"
)]

mod again;
mod catalog;
mod chart;
mod deleted;
mod edits;
mod election;
mod empty;
mod ingests;
mod leases;
mod nodes;
mod quotas;
mod rebalance;
mod rebuild;
mod repair;
mod rolls;
mod secrets;
mod support;
mod trials;
mod verdicts;
mod volumes;
mod writes;
