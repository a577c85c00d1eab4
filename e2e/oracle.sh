#!/usr/bin/env bash
# The oracle: answers compared with those of one plain MariaDB that holds the same
# rows, also while workers, czars and clients die or come late. Needs no cluster.
# Arguments go to the tests: oracle.sh every_answer
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}

# Libraries as well: the servers load the SQL functions from where they were built.
cargo build --release --locked --quiet --workspace --lib --bins --test oracle
exec cargo test --release --locked --workspace --test oracle -- --include-ignored "$@"
