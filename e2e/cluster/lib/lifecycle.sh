# shellcheck shell=bash
# Up, down and status of the whole cluster.
#
# up: claim → network → etcd, API server, relays ∥ nodes → controllers, DNS,
# volumes → wait until all nodes are Ready → mark complete. Without the mark a
# start was cut short, and the next "up" begins by taking the remains down.

complete=$state/complete
boot_id() { cat /proc/sys/kernel/random/boot_id; }
same_boot() { [[ $(cat "$state/boot-id" 2>/dev/null) == "$(boot_id)" ]]; }
cluster_is_up() { [[ -e $complete ]] && same_boot; }

require_up() { cluster_is_up || die "the cluster is down; start it with: cluster up"; }

cluster_up() { # NODES
    if cluster_is_up; then
        local have
        have=$(cat "$state/node-count")
        (($1 == have)) || die "the cluster is up with $have nodes; take it down first to have $1"
        say "the cluster is already up ($have nodes)"
        return
    fi
    if [[ -e $state ]]; then
        say "clearing away what an earlier start left"
        cluster_down
    fi
    local pause
    programs >/dev/null
    pause=$("$cluster_dir/../../images/pause")
    say "starting the control plane and $1 nodes"
    cluster_make "$1" "$pause"
    touch "$complete"
    say "the cluster is up: export KUBECONFIG=$state/kubeconfig"
}

cluster_make() { # NODES PAUSE_IMAGE
    local node
    rm -rf "$logs"
    mkdir -p "$state/images" "$logs"
    boot_id >"$state/boot-id"
    echo "$1" >"$state/node-count"
    : >"$ledger"
    net_claim_all
    cg_claim
    images_add "$2" >/dev/null
    control_plane_credentials
    net_make_lab
    etcd_start
    apiserver_start
    relays_start
    for node in $(node_names); do
        node_prepare "$node"
        node_start "$node"
    done
    apiserver_await
    controllers_start
    manifests_apply
    dns_start
    volumes_apply
    spawn volumes "$cluster_dir/cluster" volumes watch
    relays_check
    wait_for 120 "all nodes to be Ready" nodes_ready "$1" || die "see $logs and $state/nodes/*/log"
}

cluster_down() {
    if [[ ! -e $state ]]; then
        say "the cluster is down"
        return
    fi
    local node
    if [[ -e $ledger ]] && same_boot; then
        if is_made "cgroup $lab"; then
            cg_kill
            for node in $(node_names); do volumes_await_release "$node"; done
        fi
        net_remove_all
        if is_made "cgroup $lab"; then
            cg_remove
        fi
    fi
    rm -rf --one-file-system "$state"
    say "the cluster is down"
}

cluster_status() {
    if ! cluster_is_up; then
        if [[ -e $state ]]; then echo "half made (a start was cut short)"; else echo "down"; fi
        return
    fi
    local name node
    echo "up"
    printf '%-26s %s\n' PROGRAM STATE
    for name in etcd kube-apiserver kube-controller-manager kube-scheduler coredns volumes "${relay_names[@]/#/relay-}"; do
        printf '%-26s %s\n' "$name" "$(if service_running "$name"; then echo running; else echo stopped; fi)"
    done
    printf '\n%-6s %-6s %-12s %s\n' NODE ZONE ADDRESS STATE
    for node in $(node_names); do
        printf '%-6s %-6s %-12s %s\n' "$node" "$(node_zone "$node")" "$(node_ip "$node")" "$(node_state "$node")"
    done
}
