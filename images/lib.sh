# shellcheck shell=bash
# What the image scripts share: the cache, and how an image is built and kept.
#
# An image is kept as an archive, pause-0123456789ab.tar, named by a hash of what
# went into it: the same inputs are never built twice.

# shellcheck source=../tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
# shellcheck disable=SC2154 # set by the file above
images_dir=$repo/images archives=$cache/images
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=overlay

# hash_of FILE…: of their contents; with words among them taken as they are.
hash_of() {
    local input
    for input in "$@"; do
        if [[ -f $input ]]; then sha256sum <"$input"; else echo "$input"; fi
    done | sha256sum | cut -c1-12
}

# archive_path NAME HASH
archive_path() { echo "$archives/$1-$2.tar"; }

# build_archive TAG ARCHIVE CONTAINERFILE CONTEXT [BUILD ARGUMENT…]: build, keep the
# archive, forget older ones of the same name.
build_archive() {
    local tag=$1 archive=$2 containerfile=$3 context=$4
    shift 4
    mkdir -p "$archives"
    buildah bud --quiet --pull-never --timestamp 0 --tag "$tag" --file "$containerfile" "$@" "$context" >/dev/null
    write_archive "$tag" "$archive"
}

write_archive() { # TAG ARCHIVE
    rm -f "$2.new"
    buildah push --quiet "$1" "docker-archive:$2.new:$1"
    buildah rmi "$1" >/dev/null # the archive is enough
    find "$archives" -maxdepth 1 -name "$(basename "${2%-*}")-????????????.tar" -delete
    mv "$2.new" "$2"
}
