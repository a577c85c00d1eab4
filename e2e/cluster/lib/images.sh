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

image_import() { # NODE ARCHIVE_NAME
    in_node "$1" ctr --address /run/containerd/containerd.sock --namespace k8s.io \
        images import "/run/images/$2" && touch "$(node_dir "$1")/imported/$2"
}

image_load() { # FILE: into the store and every node that is on
    local stored node import imports=() failed=0
    stored=$(images_add "$1")
    for node in $(node_names); do
        case $(node_state "$node") in
            on | cut)
                image_import "$node" "$(basename "$stored")" >>"$logs/images.log" 2>&1 &
                imports+=($!)
                ;;
            *) say "node $node is not on: it takes the image when it is started next" ;;
        esac
    done
    for import in "${imports[@]}"; do wait "$import" || failed=1; done
    ((failed == 0)) || die "a node could not import $1; see $logs/images.log"
}
