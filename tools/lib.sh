# shellcheck shell=bash
# What scripts share: where the tree is, and where what they make is kept.

shopt -s inherit_errexit # a failure inside $(…) counts
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
# One place for what cargo builds, shared by tests and images.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}

# A program that PyPI has as a wheel, fetched once; prints its path. tools/LIST.txt names the
# package, its version and the hashes of its builds.
wheel_program() { # LIST PROGRAM
    local list=$repo/tools/$1.txt folder scratch
    folder=$cache/tools/wheels/$(sha256sum <"$list" | cut -c1-12)
    if [[ ! -x $folder/$2 ]]; then
        echo "$1: fetching $2 (once)" >&2
        scratch=$(mktemp -d)
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
            --only-binary=:all: --dest "$scratch" --requirement "$list" >&2
        python3 -m zipfile --extract "$scratch"/*.whl "$scratch/wheel"
        mkdir -p "$folder"
        install --mode 755 "$scratch"/wheel/*.data/scripts/"$2" "$folder/$2.new"
        mv "$folder/$2.new" "$folder/$2"
        rm -rf "$scratch"
    fi
    echo "$folder/$2"
}
