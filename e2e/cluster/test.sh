#!/usr/bin/env bash
# The cluster tool's own test: what it promises, tried on this machine.
#
# Needs root and no running cluster. Takes about two minutes.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cluster=$cluster_dir/cluster
scratch=$(mktemp -d)
export KUBECONFIG=$state/kubeconfig

finish() {
    local outcome=$?
    ((outcome == 0)) || say "FAILED (exit $outcome)"
    "$cluster" down >/dev/null 2>&1 || true
    ip netns delete orrery-n1 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

# check WHAT COMMAND…
check() {
    local what=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        echo "ok: $what"
    else
        echo "not ok: $what"
        sed 's/^/    /' "$scratch/output"
        exit 1
    fi
}
refuses() { ! "$@"; }
says() { # TEXT COMMAND…: whatever the command's outcome
    local text=$1 said
    shift
    said=$("$@" 2>&1) || true
    echo "$said"
    [[ $said == *"$text"* ]]
}

leaves_nothing() { "$cluster_dir/traces.sh" same "$scratch/before"; }

ready_is() { # NODE True|False|Unknown
    [[ $(kubectl get node "$1" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}') == "$2" ]]
}
becomes() { wait_for "$1" "node $2 to be Ready=$3" ready_is "$2" "$3"; } # SECONDS NODE STATUS
zones() { kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}={.metadata.labels.topology\.kubernetes\.io/zone} {end}'; }

starts_cleanly() {
    "$cluster" down 2>/dev/null
    "$cluster_dir/traces.sh" >"$scratch/before"
    check "up" "$cluster" up
    check "a second up says so" says "already up" "$cluster" up
    check "another number of nodes is refused" refuses "$cluster" up --nodes 2
    check "four nodes are Ready" kubectl wait --for=condition=Ready node/n1 node/n2 node/n3 node/n4 --timeout=30s
    check "they stand in three zones" test "$(zones)" = "n1=a n2=b n3=c n4=a "
    check "the API server keeps an audit log" grep -q '"verb":"create"' "$state/audit.log"
}

is_sealed() {
    local way
    for way in lab n1; do
        check "no packet leaves $way" says "No route to host" "$cluster" enter "$way" \
            timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'
    done
    check "a name outside the cluster does not exist" says NXDOMAIN "$cluster" enter lab \
        python3 "$cluster_dir/dns-rcode.py" "$lab_ip" example.org
}

nodes_die_and_return() {
    "$cluster" node stop n2
    check "a node without power is off" says "off" "$cluster" status
    check "and soon NotReady" becomes 40 n2 Unknown
    "$cluster" node start n2
    check "with power it is Ready again" becomes 40 n2 True
    "$cluster" node cut n3
    check "a cut node is NotReady" becomes 40 n3 Unknown
    "$cluster" node heal n3
    check "healed, it is Ready" becomes 40 n3 True
    "$cluster" node pause n4
    check "a frozen node is NotReady" becomes 40 n4 Unknown
    "$cluster" node resume n4
    check "thawed, it is Ready" becomes 40 n4 True
    check "an unknown node is refused by name" says "there is no node 'n9'" "$cluster" node stop n9
}

api_dies_and_returns() {
    "$cluster" apiserver stop
    check "without the API server there is no answer" refuses kubectl --request-timeout=2s get nodes
    "$cluster" apiserver start
    check "started again, it answers" kubectl get nodes
}

# A pod with a volume: written, released, cleaned and offered again.
volumes_come_back() {
    # Again, until the new namespace has its service account.
    wait_for 20 "the pod to be accepted" kubectl apply -f "$cluster_dir/manifests/test-volume.yaml"
    check "a restricted pod with a volume runs" kubectl -n lab-test wait --for=condition=Ready pod/probe --timeout=60s
    local volume node
    volume=$(kubectl -n lab-test get pvc probe -o jsonpath='{.spec.volumeName}')
    node=${volume%%-*}
    echo secret >"$(node_dir "$node")/volumes/${volume#*-}/left-over"
    kubectl delete namespace lab-test --timeout=60s >/dev/null
    check "its released volume is offered again" wait_for 30 "the volume" volume_available "$volume"
    check "and is empty" refuses test -e "$(node_dir "$node")/volumes/${volume#*-}/left-over"
}
volume_available() { [[ $(kubectl get pv "$1" -o jsonpath='{.status.phase}') == Available ]]; }

ends_cleanly() {
    "$cluster" node pause n1 # a frozen process must not hold up the end
    check "down" "$cluster" down
    check "nothing is left" leaves_nothing
    check "a second down says so" says "the cluster is down" "$cluster" down
}

half_a_start_is_cleared() {
    (timeout --signal=KILL 2.5 "$cluster" up || true) >/dev/null 2>&1
    check "status knows half a start" says "half made" "$cluster" status
    check "down clears half a start" "$cluster" down
    check "nothing is left of it" leaves_nothing
}

others_are_left_alone() {
    ip netns add orrery-n1
    check "a namespace of another's making is refused by name" says "network namespace orrery-n1" "$cluster" up
    "$cluster" down 2>/dev/null
    check "and still there after down" test -e /run/netns/orrery-n1
    ip netns delete orrery-n1
}

main() {
    local programs_dir
    programs_dir=$(programs)
    PATH=$programs_dir:$PATH
    starts_cleanly
    is_sealed
    volumes_come_back
    nodes_die_and_return
    api_dies_and_returns
    ends_cleanly
    half_a_start_is_cleared
    others_are_left_alone
    echo "the cluster tool keeps its promises"
}

main
