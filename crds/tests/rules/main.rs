//! What the API server refuses at the door, and with which words: examples of every bound and rule
//! of the schemas.
//!
//! The same table runs twice. `local` evaluates the rules in this process, which needs nothing but
//! covers rules alone; `server` sends every example to a real API server, which also has the
//! bounds, the defaults and the costs. The latter needs `ORRERY_TEST_KUBECONFIG`, which `make test`
//! sets; by hand: `export ORRERY_TEST_KUBECONFIG=$(e2e/cluster/apiserver-only start DIR)`. Without
//! it that test fails.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "examples are written as literals"
)]
#![expect(clippy::large_futures, reason = "one test, run once")]

mod case;
mod cases;
mod local;
mod server;
