# shellcheck shell=bash
# The sealed network: a namespace with a bridge and no way out, and one
# namespace for each node, joined to the bridge by a virtual cable.
#
# Nothing is ever made in the host's own namespace: a cable is born with its two
# ends in place. No default route leads on from the lab, so a packet to anywhere
# else comes back as "unreachable" at once.

netns_path() { echo "/run/netns/$1"; }
netns_exists() { [[ -e /run/netns/$1 ]]; }
in_netns() { # NAME COMMAND…
    local name=$1
    shift
    nsenter --net="$(netns_path "$name")" "$@"
}
in_lab() { in_netns "$lab" "$@"; }

netns_make() {
    # "ip netns" makes this mount the first time it is used on a machine.
    if ! mountpoint -q /run/netns; then
        is_made "mount /run/netns" || echo "mount /run/netns" >>"$ledger"
    fi
    netns_claim "$1"
    ip netns add "$1"
    ip -n "$1" link set lo up
    in_netns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1
}

netns_claim() { claim "network namespace $1" netns_exists "$1"; }
netns_delete() {
    if is_made "network namespace $1" && netns_exists "$1"; then
        ip netns delete "$1"
    fi
}

# Every name is claimed before the first thing is made.
net_claim_all() {
    local node
    netns_claim "$lab"
    for node in $(node_names); do netns_claim "$(netns_of "$node")"; done
}

net_make_lab() {
    netns_make "$lab"
    ip -n "$lab" link add br0 type bridge
    ip -n "$lab" address add "$lab_ip/24" dev br0
    ip -n "$lab" link set br0 up
    ip -n "$lab" route add unreachable default
    local node
    for node in $(node_names); do
        ip -n "$lab" route add "$(node_pods "$node")" via "$(node_ip "$node")"
    done
}

# net_make_node NODE: its address never changes, nor does its hardware address,
# so that neighbours' caches still hold after it was off.
net_make_node() {
    local node=$1 ns other
    ns=$(netns_of "$node")
    netns_make "$ns"
    ip -n "$lab" link delete "v-$node" 2>/dev/null || true
    ip -n "$lab" link add "v-$node" type veth peer name eth0 netns "$ns" \
        address "$(printf '02:00:0a:58:00:%02x' "$(node_number "$node")")"
    ip -n "$lab" link set "v-$node" master br0 up
    ip -n "$ns" address add "$(node_ip "$node")/24" dev eth0
    ip -n "$ns" link set eth0 up
    ip -n "$ns" route add default via "$lab_ip"
    for other in $(node_names); do
        [[ $other == "$node" ]] || ip -n "$ns" route add "$(node_pods "$other")" via "$(node_ip "$other")"
    done
}

net_delete_node() {
    ip -n "$lab" link delete "v-$1" 2>/dev/null || true
    netns_delete "$(netns_of "$1")"
}

net_cut() { ip -n "$lab" link set "v-$1" down; }
net_heal() { ip -n "$lab" link set "v-$1" up; }
net_is_cut() { [[ $(ip -n "$lab" -o link show "v-$1" 2>/dev/null) != *,UP* ]]; }

# Every namespace in the ledger, and the mount if nothing else uses it.
net_remove_all() {
    local name
    while read -r name; do
        netns_delete "$name"
    done < <(sed -n 's/^network namespace //p' "$ledger")
    if is_made "mount /run/netns" && mountpoint -q /run/netns && [[ -z $(ls -A /run/netns) ]]; then
        umount /run/netns
        rmdir /run/netns
    fi
}
