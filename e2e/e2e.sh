#!/usr/bin/env bash
# The end-to-end tests, on the cluster of KUBECONFIG, or else the demo's. The demo
# must run there (demo.sh up); the proxy is found through ORRERY_HOST and
# ORRERY_PORT, by default 127.0.0.1:4040. Arguments go to the tests: e2e.sh drift
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}
samples=$here/../../shared/data

host=${ORRERY_HOST:-} port=${ORRERY_PORT:-}
eval "$("$here/env.sh")"
export ORRERY_HOST=${host:-$ORRERY_HOST} ORRERY_PORT=${port:-$ORRERY_PORT}
# Some tests pull plugs, which takes the cluster this tool made; elsewhere they say that they are left out.
if [[ -z ${ORRERY_CLUSTER_TOOL:-} && $KUBECONFIG == "$("$here/cluster/cluster" kubeconfig)" ]]; then
    export ORRERY_CLUSTER_TOOL=$here/cluster/cluster
fi
: "${ORRERY_PASSWORD:?the demo is not running; start it with: make demo}"

echo "e2e: helm test"
helm test orrery --namespace orrery --timeout 60s >/dev/null

# Named one by one, and not by their package: cargo unites the features of the packages it
# is asked for, and would build all dependencies again for this one.
tests=()
for file in e2e/tests/tests/*.rs; do tests+=(--test "$(basename "$file" .rs)"); done
# Few at a time: each of them loads or asks the same few workers.
cargo test --release --locked --workspace "${tests[@]}" --no-fail-fast -- \
    --ignored --test-threads 4 "$@"

if (($# == 0)); then
    echo "e2e: the oracle's long tests, which need no cluster"
    cargo test --release --locked --package orrery-oracle --test interrupts -- --ignored
fi
if (($# == 0)) && [[ -d $samples ]]; then
    echo "e2e: the real samples"
    "$here/samples.sh" "$samples"
fi
