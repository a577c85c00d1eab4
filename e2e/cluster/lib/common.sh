# shellcheck shell=bash
# Paths, names and addresses of the local cluster, and the words every file uses.
# Each constant is named here once; nothing here makes or changes anything.
# shellcheck disable=SC2034 # most constants are used by the files that source this one

shopt -s inherit_errexit # a failure inside $(…) counts
cluster_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
state=$cache/cluster
logs=$cache/cluster-logs # outlives the cluster, so that a failed start can be read

# Names of kernel objects. They are fixed, so there is one such cluster a machine.
lab=orrery-lab
netns_of() { echo "orrery-$1"; } # of a node

# Addresses, all inside the sealed network.
lab_ip=10.88.0.1
pod_cidr=10.89.0.0/16
service_cidr=10.90.0.0/16
api_service_ip=10.90.0.1
dns_ip=10.90.0.10
api_port=6443

node_number() { echo "${1#n}"; }
node_ip() { echo "10.88.0.$((10 + $(node_number "$1")))"; }
node_pods() { echo "10.89.$(node_number "$1").0/24"; }
node_zone() {
    local zones=(a b c)
    echo "${zones[$((($(node_number "$1") - 1) % 3))]}"
}
node_dir() { echo "$state/nodes/$1"; }
volumes_per_node=8
volume_size=20Gi

# The nodes of this cluster, as "up" recorded them: n1 n2 …
node_names() {
    local count
    count=$(cat "$state/node-count" 2>/dev/null || echo 0)
    local i
    for ((i = 1; i <= count; i++)); do echo "n$i"; done
}

say() { printf '%s\n' "$*" >&2; }
die() {
    say "cluster: $*"
    exit 1
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds; false, with a word
# about what was awaited, when it does not in time.
wait_for() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            say "cluster: waited $seconds s for $what, which did not come"
            return 1
        fi
        sleep 0.2
    done
}

# The folder of Kubernetes programs; built when it is missing.
programs() {
    [[ -n ${programs_dir:-} ]] || programs_dir=$("$cluster_dir/kube/build.sh") || exit 1
    echo "$programs_dir"
}

# The ledger names every kernel object before it is made, so that a take-down
# after half a start finds all of them and touches nothing else.
ledger=$state/made

is_made() { grep -qxF "$1" "$ledger" 2>/dev/null; }
claim() { # OBJECT EXISTS…: write OBJECT down; refuse when someone else's is there
    local object=$1
    shift
    is_made "$object" && return
    if "$@"; then
        die "there is a $object that this tool did not make; remove it first (an older cluster whose records were deleted?)"
    fi
    echo "$object" >>"$ledger"
}
