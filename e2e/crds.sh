#!/usr/bin/env bash
# The CRDs as YAML, made from the Rust types.
#
#   crds.sh write   write crds/yaml, and the chart's copy of it
#   crds.sh check   fail when crds/yaml is not what the types say, or a real API
#                   server does not take it
#
# ORRERY_BINARIES   take the generator from there in place of a release build
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
yaml=$repo/crds/yaml
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}

generate() { # FOLDER
    local programs=${ORRERY_BINARIES:-$CARGO_TARGET_DIR/release}
    [[ -n ${ORRERY_BINARIES:-} ]] ||
        (cd "$repo" && cargo build --quiet --locked --release --workspace --bin crdgen)
    "$programs/crdgen" "$1"
}

write() {
    mkdir -p "$yaml"
    rm -f "$yaml"/*.yaml # kinds that are no more
    generate "$yaml"
    "$repo/charts/update-crds"
}

check_drift() { # SCRATCH
    mkdir "$1/yaml"
    generate "$1/yaml"
    diff --recursive --unified "$yaml" "$1/yaml" || {
        echo "crds: crds/yaml is not what the Rust types say; run: make crds" >&2
        return 1
    }
    "$repo/charts/update-crds" check
}

# Installed and established: the schema is structural and every CEL rule compiles.
check_accepted() { # SCRATCH
    local lone=$repo/e2e/cluster/apiserver-only kubectl kubeconfig outcome=0
    kubectl=$("$repo/e2e/cluster/kube/build.sh")/kubectl
    kubeconfig=$("$lone" start "$1/apiserver")
    {
        "$kubectl" --kubeconfig "$kubeconfig" create --filename "$yaml" &&
            "$kubectl" --kubeconfig "$kubeconfig" wait --for=condition=Established --timeout=30s \
                crd --all
    } >"$1/accepted.log" 2>&1 || outcome=$?
    "$lone" stop "$1/apiserver"
    ((outcome == 0)) || cat "$1/accepted.log" >&2
    return "$outcome"
}

check() {
    local scratch
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # the path as it is now
    trap "rm -rf '$scratch'" EXIT
    check_drift "$scratch"
    check_accepted "$scratch"
}

case ${1:-} in
    write) write ;;
    check) check ;;
    *)
        echo "usage: crds.sh write|check" >&2
        exit 2
        ;;
esac
