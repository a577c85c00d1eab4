#!/usr/bin/env bash
# Times of queries, as ratios to one plain MariaDB in the same run, as Markdown.
# Needs no cluster. Options go to orrery-bench (see orrery-bench --help).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}

cargo build --release --locked --quiet --package orrery-bench --package orrery-czar --package orrery-proxy --package orrery-functions
exec "$CARGO_TARGET_DIR/release/orrery-bench" "$@"
