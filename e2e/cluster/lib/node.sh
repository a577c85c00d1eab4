# shellcheck shell=bash
# A node is one process that can be killed: its namespaces, containers and mounts
# go with it, its disk (volumes, images) stays.

node_check() { # NODE
    [[ " $(node_names | paste -sd' ') " == *" $1 "* ]] || die "there is no node '$1' (nodes: $(node_names | paste -sd' '))"
}
node_running() { [[ -d $cg_tracker/$lab/$1 ]] && ! cg_empty "$1"; }

# As the host numbers it: the process that is number 1 in the node's own count.
node_init_pid() {
    local pid
    while read -r pid; do
        if awk '/^NSpid:/ && NF == 3 && $3 == 1 { found = 1 } END { exit !found }' "/proc/$pid/status" 2>/dev/null; then
            echo "$pid"
            return
        fi
    done < <(cat "$cg_tracker/$lab/$1/system/cgroup.procs" 2>/dev/null)
    return 1
}

in_node() { # NODE COMMAND…
    local node=$1 pid
    shift
    pid=$(node_init_pid "$node") || die "node $node is off"
    nsenter --target "$pid" --mount --pid --net --uts --ipc "$@"
}

node_start() {
    local node=$1
    if node_running "$node"; then
        say "node $node is on already"
        return
    fi
    volumes_await_release "$node"
    cg_make_node "$node"
    net_delete_node "$node"
    net_make_node "$node"
    (
        cg_enter "$node/system"
        exec setsid nsenter --net="$(netns_path "$(netns_of "$node")")" \
            unshare --pid --fork --kill-child --mount --uts --ipc --mount-proc \
            "$cluster_dir/lib/node-init.sh" "$node" "$(node_ip "$node")" "$(node_zone "$node")" \
            "$(node_dir "$node")" "$(programs)" "$state/images"
    ) >>"$logs/$node.log" 2>&1 </dev/null 9>&- &
}

# As when the plug is pulled: nothing is announced, nothing is written.
node_stop() {
    cg_kill "$1"
    net_delete_node "$1"
    cg_remove "$1"
}

node_pause() {
    node_running "$1" || die "node $1 is off"
    cg_freeze "$1"
}
node_resume() {
    node_running "$1" || die "node $1 is off"
    cg_thaw "$1"
}

node_state() {
    if ! node_running "$1"; then
        echo off
    elif cg_frozen "$1"; then
        echo paused
    elif net_is_cut "$1"; then
        echo cut
    else
        echo on
    fi
}

nodes_ready() { # that many
    local ready
    ready=$(kubectl_lab get nodes -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True)
    ((ready >= $1))
}
