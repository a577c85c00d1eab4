#!/usr/bin/env bash
# mysqld, czar and proxy on loopback with a small sample sky, without Kubernetes.
#
#   dev.sh up [OPTIONS OF orrery-dev up]    start, and print how to connect
#   dev.sh down                             stop
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export ORRERY_DEV_FOLDER=${ORRERY_DEV_FOLDER:-$cache/dev}

task=${1:-up}
(($# == 0)) || shift
# All programs, as the demo builds them: cargo unites the features of what it is asked for, and would
# build the dependencies once more for a few.
cargo build --release --workspace --locked --quiet
exec "$CARGO_TARGET_DIR/release/orrery-dev" "$task" "$@"
