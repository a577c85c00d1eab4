#!/usr/bin/env bash
# Build the images "orrery" and "orrery-mysqld" unless they are built, and print
# where they are, as lines a shell can read:
#
#   ORRERY_IMAGE=localhost/orrery:0.1.0-…          ORRERY_ARCHIVE=….tar
#   ORRERY_MYSQLD_IMAGE=localhost/orrery-mysqld:…  ORRERY_MYSQLD_ARCHIVE=….tar
#
# The tag carries a hash of the contents: a changed program is a changed tag, so
# pods roll. Environment:
#   REGISTRY=host/path   push both there as well, tagged with the version alone
#   REGISTRY_TLS=no      … over plain HTTP
#   ORRERY_BINARIES=DIR  take the programs from DIR in place of a release build
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

programs=(orrery-operator orrery-czar orrery-proxy orrery-agent orrery-loader orrery-sample-sky)
plugin=liborrery_functions.so

version() { awk -F'"' '/^version = / { print $2; exit }' "$repo/Cargo.toml"; }

# The folder with the programs and the plugin.
binaries() {
    if [[ -n ${ORRERY_BINARIES:-} ]]; then
        echo "$ORRERY_BINARIES"
        return
    fi
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}
    (cd "$repo" && cargo build --release --workspace --locked >&2)
    echo "$CARGO_TARGET_DIR/release"
}

# The same programs in a folder of their own, without debug sections: what goes
# into every node should be small.
stage() { # FROM TO FILE…
    local from=$1 to=$2 file
    shift 2
    mkdir -p "$to"
    for file in "$@"; do
        [[ -f $from/$file ]] || {
            echo "images: the build made no $file in $from" >&2
            exit 1
        }
        strip --strip-debug -o "$to/$file" "$from/$file"
    done
}

# image NAME CONTAINERFILE CONTEXT BASE_NAME PACKAGE…: build it; print TAG and ARCHIVE.
image() {
    local name=$1 containerfile=$2 context=$3
    shift 3
    local files hash base tag archive
    mapfile -t files < <(find "$context" -type f | sort)
    hash=$(hash_of "$containerfile" "$images_dir/base.sh" "$@" "${files[@]}")
    tag=localhost/$name:$(version)-$hash
    archive=$(archive_path "$name" "$hash")
    if [[ ! -f $archive ]]; then
        echo "building the image $name" >&2
        base=$("$images_dir/base.sh" "$@")
        build_archive "$tag" "$archive" "$containerfile" "$context" --build-arg "BASE=$base"
    fi
    echo "$tag $archive"
}

push() { # TAG ARCHIVE NAME
    local target
    target=$REGISTRY/$3:$(version)
    buildah pull --quiet "docker-archive:$2" >/dev/null
    buildah push --quiet --tls-verify="$([[ ${REGISTRY_TLS:-} == no ]] && echo false || echo true)" \
        "$1" "docker://$target"
    buildah rmi "$1" >/dev/null
    echo "pushed $target" >&2
}

main() {
    local from scratch
    from=$(binaries)
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # the path as it is now
    trap "rm -rf '$scratch'" EXIT
    stage "$from" "$scratch/orrery/bin" "${programs[@]}"
    stage "$from" "$scratch/mysqld" "$plugin"
    cp "$repo/worker/image/orrery-mysqld" "$repo/worker/functions/functions.sql" "$scratch/mysqld/"

    local own mysqld
    own=$(image orrery "$images_dir/orrery.Containerfile" "$scratch/orrery" core ca-certificates libgcc-s1)
    mysqld=$(image orrery-mysqld "$repo/worker/image/Containerfile" "$scratch/mysqld" \
        mysqld mariadb-server-core mariadb-client-core)
    if [[ -n ${REGISTRY:-} ]]; then
        push "${own% *}" "${own#* }" orrery
        push "${mysqld% *}" "${mysqld#* }" orrery-mysqld
    fi
    echo "ORRERY_IMAGE=${own% *}"
    echo "ORRERY_ARCHIVE=${own#* }"
    echo "ORRERY_MYSQLD_IMAGE=${mysqld% *}"
    echo "ORRERY_MYSQLD_ARCHIVE=${mysqld#* }"
}

main
