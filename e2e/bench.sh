#!/usr/bin/env bash
# Times of queries, as ratios to one plain MariaDB in the same run, as Markdown.
# Needs no cluster. Options go to orrery-bench (see orrery-bench --help).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}

# The programs of the images, built as they are.
cargo build --release --workspace --locked --quiet
exec "$CARGO_TARGET_DIR/release/orrery-bench" "$@"
