#!/usr/bin/env bash
# The first process of a node: it runs in the node's own namespaces, and when it
# is killed the kernel kills everything in the node.
#
#   node-init.sh NAME ADDRESS ZONE NODE_DIR PROGRAMS_DIR IMAGES_DIR
#
# The node keeps its images, its pods' volumes and its logs in NODE_DIR. All else
# it writes goes to memory and is gone with it, as with a real power cut.
set -euo pipefail

name=$1 address=$2 zone=$3 node_dir=$4 programs_dir=$5 images_dir=$6

# bind SOURCE TARGET
bind() {
    mkdir -p "$2"
    mount --bind "$1" "$2"
}

mount_own_tree() {
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs /run
    mount --make-shared /run # containers' mounts have to reach the kubelet
    bind "$node_dir" /run/node
    bind "$programs_dir" /run/programs
    bind "$images_dir" /run/images
    # From here on only paths below /run are used: the host's folders are hidden.
    mount -t tmpfs -o mode=755 tmpfs /var/lib
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    bind /run/node/containerd /var/lib/containerd
    bind /run/node/kubelet /var/lib/kubelet
    mount --make-shared /var/lib/kubelet
    mount_volumes
    bind /run/node/log /var/log
}

# Each volume is a disk of its own, with a folder for its pod. The kernel detaches a
# disk once it is mounted nowhere, hence when this node is killed.
mount_volumes() {
    local image disk
    for image in /run/node/volumes/*.img; do
        disk=/var/lib/orrery/volumes/$(basename "$image" .img)
        mkdir -p "$disk"
        mount -o loop,discard,noinit_itable "$image" "$disk"
        losetup --direct-io=on "$(findmnt --noheadings --output SOURCE "$disk")"
        mkdir -p "$disk/data"
    done
}

# keep NAME COMMAND…: start it again whenever it ends, as an init system does.
keep() {
    local service=$1
    shift
    while true; do
        "$@" >>"/run/node/log/$service.log" 2>&1 </dev/null || true
        sleep 1
    done
}

# Those that this node does not have yet: all at first, later what was loaded
# while it was off. A mark of its own for each, as loads may continue meanwhile.
import_images() {
    local tar mark ctr=(ctr --address /run/containerd/containerd.sock --namespace k8s.io)
    until "${ctr[@]}" version >/dev/null 2>&1; do sleep 0.1; done
    for tar in /run/images/*.tar; do
        mark=/run/node/imported/$(basename "$tar")
        if [[ $tar -nt $mark ]]; then
            "${ctr[@]}" images import "$tar" && touch "$mark"
        fi
    done >>/run/node/log/images.log 2>&1
}

main() {
    mount_own_tree
    hostname "$name"
    keep containerd containerd --config /run/node/etc/containerd.toml &
    import_images
    keep kubelet /run/programs/kubelet --config /run/node/etc/kubelet.yaml \
        --kubeconfig /run/node/etc/kubelet.kubeconfig --hostname-override "$name" --node-ip "$address" \
        --node-labels "topology.kubernetes.io/zone=$zone,topology.kubernetes.io/region=lab" &
    keep kube-proxy /run/programs/kube-proxy --config /run/node/etc/kube-proxy.yaml &
    wait # and collect the processes that containers leave behind
}

main
