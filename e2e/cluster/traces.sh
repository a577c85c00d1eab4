#!/usr/bin/env bash
# Everything that a cluster, or the pods in one, could leave behind on this machine, as text
# to compare: what was there before must be all that is there after.
#
#   traces.sh              print it
#   traces.sh same FILE    wait until it is again what FILE holds; print the difference when it is not
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# Processes come and go while a command such as find runs, hence its outcome does not count.
traces() {
    echo "== namespaces of processes, how many of each kind: a node that was off has others"
    { find /proc/[0-9]*/ns/{net,pid,mnt} -printf '%l\n' 2>/dev/null || true; } | sort -u | cut -d: -f1 | uniq -c
    echo "== named network namespaces"
    ls /run/netns 2>/dev/null || true
    echo "== mounts, whoever sees them"
    { cat /proc/[0-9]*/mountinfo 2>/dev/null || true; } | cut -d' ' -f5 | sort -u
    echo "== loop devices"
    losetup --list --noheadings --output BACK-FILE | sort
    echo "== links"
    {
        ip -o link
        # Without the folder, or with a namespace that goes meanwhile, there is nothing to see.
        { find /run/netns -mindepth 1 -printf '%f\n' 2>/dev/null || true; } |
            while read -r name; do ip -n "$name" -o link 2>/dev/null || true; done
    } | awk '{ sub(/@.*/, ":", $2); print $2 }' | grep -v '^cni0:' | sort # a node keeps its bridge after its first pod
    echo "== control groups"
    # The kubelet's own, for all pods of a class, stay with the node.
    find /sys/fs/cgroup -type d -path "*$lab*" | grep -Ev '/kubepods(/besteffort|/burstable)?$' | sort || true
    echo "== processes that run the cluster's programs"
    { find /proc/[0-9]*/exe -lname "$(programs)/*" 2>/dev/null || true; } | wc -l
    echo "== listeners"
    ss -Hltn | awk '{ print $4 }' | grep -E ':(6443|4040|4048)$' | sort || true
}

# A killed process is listed until its parent has collected it.
same() { # FILE
    is_same() { diff "$1" <(traces); }
    wait_for 60 "the end of all that was made" is_same "$1" || is_same "$1"
}

case ${1:-} in
    "") traces ;;
    same) same "${2:?usage: traces.sh same FILE}" ;;
    *) die "usage: traces.sh [same FILE]" ;;
esac
