#!/usr/bin/env bash
# Build the cluster's programs once and keep them in the cache.
#
# Prints the folder that holds kubectl, helm, etcd and the others. The folder's
# name carries a hash of the sources, so a changed pin builds anew and an
# unchanged one costs milliseconds.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
programs=(coredns etcd kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet)

sources_hash() {
    cd "$here" && cat go.mod go.sum ./*.go relay/main.go build.sh | sha256sum | cut -c1-12
}

pinned() { awk -v module="$1" '$1 == module { print $2 }' "$here/go.mod"; }

# The version stamp: without it nodes register as v0.0.0.
version_flags() {
    local version stamp=k8s.io/component-base/version client=k8s.io/client-go/pkg/version
    version=$(pinned k8s.io/kubernetes)
    local minor=${version#v1.}
    minor=${minor%%.*}
    printf -- '-s -w'
    for package in "$stamp" "$client"; do
        printf -- ' -X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s' \
            "$package" "$version" "$package" "$package" "$minor"
    done
}

# Chained with &&, because "set -e" is off in a function called from an "if".
build_into() {
    cd "$here" && export CGO_ENABLED=0 &&
        go build -trimpath -tags providerless -ldflags "$(version_flags)" -o "$1/kube" . &&
        go build -trimpath -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$(pinned helm.sh/helm/v3)" \
            -o "$1/helm" helm.sh/helm/v3/cmd/helm &&
        go build -trimpath -ldflags '-s -w' -o "$1/relay" ./relay &&
        for program in "${programs[@]}"; do
            ln -sf kube "$1/$program"
        done
}

main() {
    local out
    out=$cache/kube-$(sources_hash)
    if [[ ! -d $out ]]; then
        echo "building Kubernetes, etcd, CoreDNS and Helm from Go modules (about 6 minutes on 2 cores, once) ..." >&2
        mkdir -p "$cache"
        local fresh
        fresh=$(mktemp -d "$cache/building.XXXXXX")
        chmod 755 "$fresh"
        if ! build_into "$fresh"; then
            rm -rf "$fresh"
            return 1
        fi
        # Renamed in one step: a half-built folder is never taken for a whole one.
        mv -T "$fresh" "$out" 2>/dev/null || rm -rf "$fresh"
    fi
    echo "$out"
}

main
