#!/usr/bin/env bash
# The whole test, stage by stage, with the minutes each took.
#
#   test.sh all    everything but the long end-to-end tests, on a cluster made for it and
#                  taken down after (the long ones: make demo e2e)
#   test.sh fast   what needs no cluster
#
# A stage that fails ends the run; the cluster goes down all the same, and its
# logs stay in the cache under cluster-logs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}
cluster=$here/cluster/cluster
# What the stage "build" made is what all others use.
export ORRERY_BINARIES=$CARGO_TARGET_DIR/release
scratch=$(mktemp -d)
made_cluster=no
report=()

minutes() { awk -v seconds="$1" 'BEGIN { printf "%.1f min", seconds / 60 }'; }

stage() { # NAME COMMAND…
    local name=$1 began=$SECONDS outcome=0
    shift
    printf '\n=== %s\n' "$name"
    # Not as part of a condition, which would turn "set -e" off inside.
    set +e
    (set -e; "$@")
    outcome=$?
    set -e
    report+=("$(printf '%-22s %10s  %s' "$name" "$(minutes $((SECONDS - began)))" "$( ((outcome == 0)) && echo ok || echo FAILED)")")
    ((outcome == 0)) || exit "$outcome"
}

finish() {
    local outcome=$?
    trap - EXIT
    "$here/cluster/apiserver-only" stop "$scratch/apiserver" 2>/dev/null || true
    [[ $made_cluster == no ]] || "$cluster" down || outcome=1
    rm -rf "$scratch"
    printf '\n%s\n' "--- minutes per stage"
    ((${#report[@]} == 0)) || printf '%s\n' "${report[@]}"
    printf '%-22s %10s  %s\n' total "$(minutes "$SECONDS")" "$( ((outcome == 0)) && echo ok || echo FAILED)"
    exit "$outcome"
}
trap finish EXIT

# Everything at once: cargo unites the features of what it builds together, so that parts
# built apart would be built again. Images take the very programs that are tested.
build() {
    cargo build --workspace --all-targets --release --locked
}

# Tests that talk to Kubernetes get a real API server without nodes.
unit_tests() {
    local kubeconfig
    kubeconfig=$("$here/cluster/apiserver-only" start "$scratch/apiserver")
    ORRERY_TEST_KUBECONFIG=$kubeconfig cargo test --workspace --release --locked
    "$here/cluster/apiserver-only" stop "$scratch/apiserver"
}

# The archive's namespace goes although nobody is left who could help, and takes with it all
# that its pods had on the nodes.
namespace_goes() {
    (
        eval "$("$here/env.sh")"
        kubectl --namespace orrery scale deployment orrery-operator --replicas 0
        kubectl --namespace orrery delete pod --selector app.kubernetes.io/component=operator --grace-period 0 --force
        kubectl delete namespace orrery --timeout 180s
    )
    "$here/cluster/traces.sh" same "$scratch/cluster-alone"
}

demo_down() {
    "$here/demo.sh" down
    "$here/cluster/traces.sh" same "$scratch/nothing"
}

cluster_must_be_down() {
    [[ $("$cluster" status) == down ]] || {
        echo "a cluster is running (the demo?); take it down first: make demo-down" >&2
        return 1
    }
}

case ${1:-} in
    fast)
        stage "cluster programs" "$here/cluster/kube/build.sh"
        stage build build
        stage lint "$here/lint.sh"
        stage "unit tests" unit_tests
        ;;
    all)
        cluster_must_be_down
        stage "cluster programs" "$here/cluster/kube/build.sh"
        stage build build
        stage lint "$here/lint.sh"
        stage "unit tests" unit_tests
        stage images "$here/images/images.sh"
        stage "cluster tool" "$here/cluster/test.sh"
        made_cluster=yes
        "$here/cluster/traces.sh" >"$scratch/nothing"
        stage "cluster up" "$cluster" up
        "$here/cluster/traces.sh" >"$scratch/cluster-alone"
        # Enough rows for every chunk of the sample sky; the demo itself loads a million.
        export ORRERY_DEMO_OBJECTS=${ORRERY_DEMO_OBJECTS:-100000}
        stage "demo up" "$here/demo.sh" up
        stage "end to end" "$here/e2e.sh" short
        stage "namespace down" namespace_goes
        stage "demo down" demo_down
        ;;
    *)
        trap - EXIT
        rm -rf "$scratch"
        echo "usage: test.sh all|fast" >&2
        exit 2
        ;;
esac
