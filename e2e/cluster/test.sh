#!/usr/bin/env bash
# The cluster tool's own test: what it promises, tried on this machine.
#
# Needs root and no running cluster. Takes about two minutes.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/cgroup.sh
source "$cluster_dir/lib/cgroup.sh"
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
    local volume
    volume=$(kubectl -n lab-test get pvc probe -o jsonpath='{.spec.volumeName}')
    on_disk "$volume" touch data/left-over
    disk_fills_up "$volume"
    disk_is_slow "$volume"
    kubectl delete namespace lab-test --timeout=60s >/dev/null
    check "its released volume is offered again" wait_for 30 "the volume" volume_available "$volume"
    check "and is empty" refuses on_disk "$volume" test -e data/left-over
}
on_disk() { # VOLUME COMMAND…: on its node, in the root of its disk
    local volume=$1
    shift
    # shellcheck disable=SC2016 # expanded on the node
    "$cluster" enter "${volume%%-*}" bash -c 'cd "/var/lib/orrery/volumes/$1" && shift && "$@"' on "${volume#*-}" "$@"
}

# Of two volumes of a node, one alone.
disk_fills_up() { # VOLUME
    local other=${1%%-*}-v8
    [[ $1 != "$other" ]] || other=${1%%-*}-v7
    "$cluster" volumes fill "$1"
    check "a full disk takes nothing" says "No space left on device" on_disk "$1" dd if=/dev/zero of=data/more bs=64K count=1
    check "and that of another volume does" on_disk "$other" dd if=/dev/zero of=more bs=64K count=1
    on_disk "$other" rm more
    "$cluster" volumes free "$1"
    check "freed, it takes something again" on_disk "$1" dd if=/dev/zero of=data/more bs=64K count=1
    check "an unknown volume is refused by name" says "there is no volume 'n1-v9'" "$cluster" volumes fill n1-v9
}

# Two MiB in a control group of the node: four seconds at least.
disk_is_slow() { # VOLUME
    local group=$cg_v2/$lab/${1%%-*}/system
    [[ -z $cg_blkio ]] || group=$cg_blkio/$lab/${1%%-*}
    # shellcheck disable=SC2016 # expanded on the node
    local write=(on_disk "$1" bash -c 'echo $$ >"$1/cgroup.procs" && dd if=/dev/zero of=data/more bs=64K count=32 oflag=direct'
        write "$group")
    local began=$SECONDS
    "$cluster" volumes slow "$1"
    check "a slow disk writes" "${write[@]}"
    check "and takes its time" test $((SECONDS - began)) -ge 3
    began=$SECONDS
    "$cluster" volumes quick "$1"
    check "and writes after it" "${write[@]}"
    check "quickly" test $((SECONDS - began)) -le 2
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
