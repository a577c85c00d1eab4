#!/usr/bin/env bash
# Build the pause image unless it is built; print its archive's path.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

archive=$(archive_path pause "$(hash_of "$images_dir"/pause.{c,Containerfile,sh})")
if [[ ! -f $archive ]]; then
    context=$(mktemp -d)
    trap 'rm -rf "$context"' EXIT
    gcc -Os -Wall -Wextra -Werror -static -s -o "$context/pause" "$images_dir/pause.c"
    build_archive localhost/orrery-pause:1 "$archive" "$images_dir/pause.Containerfile" "$context"
fi
echo "$archive"
