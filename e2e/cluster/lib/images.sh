# shellcheck shell=bash
# Images: archives that every node's containerd has imported. The cluster keeps
# them, so that a node that was off gets them when it comes back.

images_add() { # FILE: to the cluster's store
    local file=$1 stored
    [[ -f $file ]] || die "there is no image archive $file"
    stored=$state/images/$(basename "$file")
    # A new inode each time: an import that is under way reads the old one.
    ln -f "$file" "$stored.new" 2>/dev/null || cp "$file" "$stored.new"
    touch "$stored.new"
    mv "$stored.new" "$stored"
    echo "$stored"
}

image_load() { # FILE: into the store and every node that is on
    local stored node
    stored=$(images_add "$1")
    local imports=()
    for node in $(node_names); do
        if [[ $(node_state "$node") == on ]]; then
            in_node "$node" ctr --address /run/containerd/containerd.sock --namespace k8s.io \
                images import "/run/images/$(basename "$stored")" >>"$logs/images.log" 2>&1 &
            imports+=($!)
        fi
    done
    local import failed=0
    for import in "${imports[@]}"; do wait "$import" || failed=1; done
    ((failed == 0)) || die "a node could not import $1; see $logs/images.log"
}
