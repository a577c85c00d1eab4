# shellcheck shell=bash
# Programs of the control plane: each in a control group of its own, by which it
# is found again and killed, and with a log of its own.

# spawn NAME COMMAND…: in the background; does not wait for it to be of use.
spawn() {
    local name=$1
    shift
    cg_make "control/$name"
    # File descriptor 9 is the lock of the cluster command: not for children.
    (cg_enter "control/$name" && exec setsid "$@") >>"$logs/$name.log" 2>&1 </dev/null 9>&- &
}

spawn_in_lab() {
    local name=$1
    shift
    spawn "$name" nsenter --net="$(netns_path "$lab")" "$@"
}

service_running() { ! cg_empty "control/$1"; }
service_kill() { cg_kill "control/$1"; }

# How its log ends: for an error message.
service_log_end() { tail -n 5 "$logs/$1.log" 2>/dev/null | cut -c1-400 >&2; }
