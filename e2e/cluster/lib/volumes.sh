# shellcheck shell=bash
# Local volumes, and the small controller that cleans a released one and offers it
# again. Behind each PersistentVolume is a disk of its own, an image that its node
# mounts: it is as large as the volume says, and can be full or slow alone.

volume_node() { echo "${1%%-*}"; }                           # VOLUME, as n1-v3
volume_image() { echo "$(node_dir "$(volume_node "$1")")/volumes/${1#*-}.img"; }
volume_disk() { echo "/var/lib/orrery/volumes/${1#*-}"; }    # where its node has it
volume_device() { in_node "$(volume_node "$1")" stat --format=%Hd:%Ld "$(volume_disk "$1")"; }

volume_check() { # VOLUME
    node_check "$(volume_node "$1")"
    [[ -e $(volume_image "$1") ]] ||
        die "there is no volume '$1' (each node has v1 to v$volumes_per_node, as in n1-v1)"
}

# Sparse: an image takes what was written to it.
volumes_make() { # NODE
    local image i
    for ((i = 1; i <= volumes_per_node; i++)); do
        image=$(volume_image "$1-v$i")
        truncate --size "${volume_size%i}" "$image"
        mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$image"
    done
}

# The kernel lets go of a disk a moment after the last process that saw it. A disk
# that two systems have mounted is destroyed.
volumes_released() { # NODE
    local image
    for image in "$(node_dir "$1")"/volumes/*.img; do
        [[ ! -e $image || -z $(losetup --associated "$image") ]] || return 1
    done
}
volumes_await_release() { # NODE
    wait_for 30 "the end of the disks of $1" volumes_released "$1" || die "they are still in use: $(losetup --list)"
}

volumes_manifest() {
    local node i
    for node in $(node_names); do
        for ((i = 1; i <= volumes_per_node; i++)); do
            cat <<YAML
---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: $node-v$i
  labels: {lab.orrery.dev/node: $node}
spec:
  capacity: {storage: $volume_size}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: local
  local: {path: $(volume_disk "$node-v$i")/data}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [$node]}]
YAML
        done
    done
}

volumes_apply() { volumes_manifest | kubectl_lab apply -f - >/dev/null; }

# Clean and offer again every released volume whose node answers. A node that is
# cut off may still have a container writing to the volume: it has to wait.
volumes_recycle() {
    local name node ready
    while read -r name; do
        node=${name%%-*}
        ready=$(kubectl_lab get node "$node" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')
        [[ $ready == True ]] || continue
        in_node "$node" find "$(volume_disk "$name")/data" -mindepth 1 -delete
        kubectl_lab patch pv "$name" --type json -p '[{"op": "remove", "path": "/spec/claimRef"}]' >/dev/null
        echo "offered $name again"
    done < <(kubectl_lab get pv -l lab.orrery.dev/node -o jsonpath='{range .items[?(@.status.phase=="Released")]}{.metadata.name}{"\n"}{end}')
}

# No byte more: what is free is given to a file next to the data.
volumes_fill() { # VOLUME
    # shellcheck disable=SC2016 # expanded on the node
    in_node "$(volume_node "$1")" bash -euc '
        free=$(($(df --output=avail --block-size=1 "$1" | tail -n 1) - (1 << 20)))
        ((free <= 0)) || fallocate --length "$free" "$1/ballast"
        ! cat /dev/zero >>"$1/ballast"
    ' fill "$(volume_disk "$1")" 2>/dev/null || die "$1 has room after all"
}
volumes_free() { in_node "$(volume_node "$1")" rm -f "$(volume_disk "$1")/ballast"; }

# As a disk that is failing: half a MiB and thirty operations a second, read and written each.
volumes_slow() { cg_throttle "$(volume_node "$1")" "$(volume_device "$1")" 524288 30; }
volumes_quick() { cg_throttle "$(volume_node "$1")" "$(volume_device "$1")" max max; }

# Without end: whenever a volume changes, and now and then for those that had to wait.
volumes_watch() {
    local outcome
    while true; do
        while true; do
            outcome=0
            read -r -t 15 || outcome=$?
            # Above 128: nothing happened in that time. Else the watch has ended.
            ((outcome == 0 || outcome > 128)) || break
            volumes_recycle || true
        done < <(kubectl_lab get pv --watch --output-watch-events \
            -o jsonpath='{.object.status.phase}{"\n"}' 2>/dev/null | grep --line-buffered Released)
        sleep 2
    done
}
