#!/usr/bin/env bash
# The end-to-end tests, on the cluster of KUBECONFIG, or else the demo's. The demo
# must run there (demo.sh up); the proxy is found through ORRERY_HOST and
# ORRERY_PORT, by default 127.0.0.1:4040.
#
#   e2e.sh            all of them
#   e2e.sh short      those that take less than a minute each
#   e2e.sh FILTER…    those whose names contain one of these words
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

# Tests that take minutes: things die, come late, or come in great numbers.
long=(away deaths families_of_rows interrupted_ingests outages segments)
names=()
for file in e2e/tests/tests/*.rs; do
    name=$(basename "$file" .rs)
    [[ ${1:-} == short && " ${long[*]} " == *" $name "* ]] || names+=("$name")
done
filters=()
[[ ${1:-} == short ]] || filters=("$@")

# Named one by one, and not by their package: cargo unites the features of the packages it
# is asked for, and would build all dependencies again for this one.
# Few at a time: each of them loads or asks the same few workers.
cargo test --release --locked --workspace "${names[@]/#/--test=}" --no-fail-fast -- \
    --ignored --test-threads 4 "${filters[@]}"

if (($# == 0)); then
    echo "e2e: the oracle's long tests, which need no cluster"
    cargo test --release --locked --workspace --test oracle -- --ignored
fi
if ((${#filters[@]} == 0)) && [[ -d $samples ]]; then
    echo "e2e: the real samples"
    "$here/samples.sh" "$samples"
fi
