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

# Modules that take minutes: things die, come late, or come in great numbers.
long=(away deaths families_of_rows interruptions outages segments sleeping_operator)
program=(cargo test --release --locked --workspace --test e2e --)

if (($# == 0)) || [[ $1 == short ]]; then
    # One module after the other, as some take away what others need. Few tests at a time: each of
    # them loads or asks the same few workers.
    failed=()
    for file in e2e/tests/tests/e2e/*.rs; do
        module=$(basename "$file" .rs)
        if [[ $module == main || (${1:-} == short && " ${long[*]} " == *" $module "*) ]]; then continue; fi
        echo "e2e: $module"
        "${program[@]}" --ignored --test-threads 4 "$module::" || failed+=("$module")
    done
    ((${#failed[@]} == 0)) || {
        echo "e2e: FAILED: ${failed[*]}" >&2
        exit 1
    }
else
    "${program[@]}" --ignored --test-threads 1 "$@"
fi

if (($# == 0)); then
    echo "e2e: the oracle's long tests, which need no cluster"
    cargo test --release --locked --workspace --test oracle -- --ignored
fi
if { (($# == 0)) || [[ $1 == short ]]; } && [[ -d $samples ]]; then
    echo "e2e: the real samples"
    "$here/samples.sh" "$samples"
fi
