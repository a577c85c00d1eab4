# shellcheck shell=bash
# Control groups. Whatever the tool starts lives below /orrery-lab, children
# included, and that membership is the record of which processes are ours:
# unlike a written process id it cannot go stale.
#
# Both layouts are known: version 1 (one hierarchy for each controller; the
# freezer's is the one that counts processes here) and version 2 (one for all).

cg_v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)freezer(,|$)/ { print $2; exit }' /proc/mounts)
cg_v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cg_tracker=${cg_v1:-$cg_v2}
cg_blkio=$(awk '$3 == "cgroup" && $4 ~ /(^|,)blkio(,|$)/ { print $2; exit }' /proc/mounts)
cg_controllers="+cpu +cpuset +io +memory +pids"

cg_hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }
cg_exists() { [[ -d $cg_tracker/$lab ]]; }

cg_claim() { claim "cgroup $lab" cg_exists; }

# cg_make GROUP: where processes are counted, frozen and killed.
cg_make() {
    cg_claim
    mkdir -p "$cg_tracker/$lab/$1"
}

# cg_make_node NODE: with every controller, as the kubelet puts pods below it.
cg_make_node() {
    cg_make "$1/system"
    local hierarchy
    if [[ -n $cg_v1 ]]; then
        while read -r hierarchy; do
            mkdir -p "$hierarchy/$lab/$1"
            if [[ -e $hierarchy/cpuset.cpus ]]; then
                cg_inherit_cpuset "$hierarchy" "$lab" "$lab/$1"
            fi
        done < <(awk '$3 == "cgroup" { print $2 }' /proc/mounts)
    else
        for hierarchy in "$cg_v2" "$cg_v2/$lab" "$cg_v2/$lab/$1"; do
            echo "$cg_controllers" >"$hierarchy/cgroup.subtree_control"
        done
    fi
}

# A new version 1 cpuset is empty and takes no process until it is filled.
cg_inherit_cpuset() {
    local hierarchy=$1 group file
    shift
    for group in "$@"; do
        for file in cpuset.cpus cpuset.mems; do
            cat "$hierarchy/$file" >"$hierarchy/$group/$file"
        done
    done
}

# cg_enter GROUP: this shell, and so all it starts from here on.
cg_enter() { echo "$BASHPID" >"$cg_tracker/$lab/$1/cgroup.procs"; }

cg_processes() { # [GROUP]
    find "$cg_tracker/$lab${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}
cg_empty() { [[ -z $(cg_processes "${1:-}") ]]; }

cg_freeze() {
    if [[ -n $cg_v1 ]]; then echo FROZEN >"$cg_v1/$lab/$1/freezer.state"; else echo 1 >"$cg_v2/$lab/$1/cgroup.freeze"; fi
}
cg_thaw() {
    if [[ -n $cg_v1 ]]; then echo THAWED >"$cg_v1/$lab/$1/freezer.state"; else echo 0 >"$cg_v2/$lab/$1/cgroup.freeze"; fi
}
cg_frozen() { grep -qsE '^(FROZEN|FREEZING|1)$' "$cg_tracker/$lab/$1/freezer.state" "$cg_tracker/$lab/$1/cgroup.freeze"; }

# cg_throttle GROUP DEVICE BYTES OPERATIONS: what a process reads of a device, and
# writes to it, in a second; "max" is no limit. A limit of version 1 holds for no
# group below, nor for one that is made later.
cg_throttle() {
    local group way limits limit
    if [[ -z $cg_v1 ]]; then
        echo "$2 rbps=$3 wbps=$3 riops=$4 wiops=$4" >"$cg_v2/$lab/$1/io.max"
        return
    fi
    [[ -n $cg_blkio ]] || die "no control group of this machine limits what is read and written"
    while read -r group; do
        for way in read write; do
            for limits in "bps $3" "iops $4"; do
                # A container may end meanwhile. No limit is 0 there.
                limit=${limits#* }
                echo "$2 ${limit/max/0}" 2>/dev/null \
                    >"$group/blkio.throttle.${way}_${limits% *}_device" || [[ ! -d $group ]]
            done
        done
    done < <(find "$cg_blkio/$lab/$1" -type d)
}

# cg_kill [GROUP]: at once, as a power cut does; a frozen process has to thaw to die.
cg_kill() {
    local group=${1:-} end=$((SECONDS + 20)) pids frozen
    while pids=$(cg_processes "$group") && [[ -n $pids ]]; do
        ((SECONDS < end)) || die "these processes of $lab/$group do not die: ${pids//$'\n'/ }"
        # shellcheck disable=SC2086 # one argument each
        kill -9 $pids 2>/dev/null || true
        for frozen in "$cg_tracker/$lab"/${group:-*}; do
            frozen=${frozen#"$cg_tracker/$lab/"}
            ! cg_frozen "$frozen" || cg_thaw "$frozen"
        done
        sleep 0.05
    done
}

# cg_remove [GROUP]: the empty groups, in every hierarchy.
cg_remove() {
    local hierarchy top end=$((SECONDS + 10))
    while read -r hierarchy; do
        top=$hierarchy/$lab${1:+/$1}
        while [[ -d $top ]]; do
            find "$top" -depth -type d -exec rmdir {} + 2>/dev/null || true
            [[ -d $top ]] || break
            ((SECONDS < end)) || die "the control group $top cannot be removed"
            sleep 0.05
        done
    done < <(cg_hierarchies)
}
