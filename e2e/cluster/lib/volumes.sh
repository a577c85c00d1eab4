# shellcheck shell=bash
# Local volumes: a folder on a node's disk behind each PersistentVolume, and the
# small controller that cleans a released one and offers it again.

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
  local: {path: /var/lib/orrery/volumes/v$i}
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
        find "$(node_dir "$node")/volumes/${name#*-}" -mindepth 1 -delete
        kubectl_lab patch pv "$name" --type json -p '[{"op": "remove", "path": "/spec/claimRef"}]' >/dev/null
        echo "offered $name again"
    done < <(kubectl_lab get pv -l lab.orrery.dev/node -o jsonpath='{range .items[?(@.status.phase=="Released")]}{.metadata.name}{"\n"}{end}')
}

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
