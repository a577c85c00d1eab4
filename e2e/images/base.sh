#!/usr/bin/env bash
# Make a base image from Debian packages, where there is no registry to pull one
# from; print its tag. Made once, until the list of packages changes.
#
#   base.sh NAME PACKAGE…
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# -ge 1 ]] || {
    echo "usage: base.sh NAME PACKAGE..." >&2
    exit 2
}
name=$1
shift
tag=localhost/orrery-base-$name:$(hash_of "$images_dir/base.sh" "$@")

# Documentation and translations are left out: nobody reads them in a pod.
bootstrap() { # ARCHIVE PACKAGE…
    local archive=$1 packages
    shift
    packages=$(IFS=,; echo "$*")
    # shellcheck disable=SC2016 # the hook's $1 is the new root folder
    mmdebstrap --quiet --variant=essential ${packages:+--include="$packages"} \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/*' \
        bookworm "$archive" \
        'deb http://deb.debian.org/debian bookworm main' \
        'deb http://deb.debian.org/debian bookworm-updates main' \
        'deb http://deb.debian.org/debian-security bookworm-security main' >&2
}

make_base() {
    echo "making the base image $name from Debian packages (about a minute, once)" >&2
    local scratch container
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # the path as it is now
    trap "rm -rf '$scratch'" EXIT
    bootstrap "$scratch/base.tar" "$@"
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$scratch/base.tar" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" "$tag" >/dev/null
}

buildah images --quiet "$tag" >/dev/null 2>&1 || make_base "$@"
echo "$tag"
