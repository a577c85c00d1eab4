# shellcheck shell=bash
# What scripts share: where the tree is, and where what they make is kept.

shopt -s inherit_errexit # a failure inside $(…) counts
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/orrery
# One place for what cargo builds, shared by tests and images.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
