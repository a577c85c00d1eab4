#!/usr/bin/env bash
# Load the real samples into databases pt11 and pt12 of the running demo, and show
# what is known about them. A second run loads nothing twice.
#
#   samples.sh [FOLDER]   with pt11/ and pt12/; ../shared/data unless told otherwise
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=${1:-$here/../../shared/data}
namespace=orrery
pool=main
claim=samples

eval "$("$here/env.sh")"
[[ -z ${ORRERY_BINARIES:-} ]] || PATH=$ORRERY_BINARIES:$PATH
: "${ORRERY_PASSWORD:?the demo is not running; start it with: make demo}"
[[ -f $data/pt12/tables.json ]] || {
    echo "samples: there are no samples in $data" >&2
    exit 1
}

k() { kubectl --namespace "$namespace" "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
sql() { "$here/sql.sh" "$@"; }

# A volume with the files. The image that workers run is on every node already.
store_files() {
    local image
    image=$(k get pods --selector app.kubernetes.io/component=worker \
        --output 'go-template={{range (index .items 0).spec.containers}}{{if eq .name "mysqld"}}{{.image}}{{end}}{{end}}')
    sed "s|IMAGE|$image|" "$here/samples/volume.yaml" | k apply --filename -
    k wait pod/sample-files --for condition=Ready --timeout 60s
    local folder file name
    for folder in pt11 pt12; do
        k exec sample-files -- mkdir -p "/samples/$folder"
        for file in "$data/$folder"/*.gz; do
            name=$(basename "$file")
            # shellcheck disable=SC2016 # expanded inside the pod
            k exec --stdin sample-files -- sh -c 'cat >"$0.new" && mv "$0.new" "$0"' \
                "/samples/$folder/$name" <"$file"
        done
    done
    k delete pod sample-files --wait=true --grace-period 1 >/dev/null
}

declare_tables() { # FOLDER TAB
    jq --arg database "$1" --arg namespace "$namespace" --arg pool "$pool" --arg claim "$claim" \
        --argjson tab "$2" --from-file "$here/samples/manifests.jq" "$data/$1/tables.json" |
        k apply --filename -
}

ingests() { k get ingests --output name | sed -n 's|^ingest.orrery.dev/\(pt1[12]-\)|\1|p'; }

all_visible() {
    local phases
    phases=$(k get ingests --output 'go-template={{range .items}}{{.metadata.name}} {{.status.phase}}{{"\n"}}{{end}}' |
        grep '^pt1[12]-') || return 1
    [[ $(wc -l <<<"$phases") == 9 ]] && ! grep --quiet --invert-match ' Visible$' <<<"$phases"
}

load() {
    if all_visible; then
        say "The samples are loaded already"
        return
    fi
    say "Copying the files to a volume"
    store_files
    say "Declaring the tables and loading them"
    declare_tables pt11 false
    declare_tables pt12 true
    local names
    mapfile -t names < <(ingests)
    kubectl orrery ingest watch "${names[@]}" --namespace "$namespace"
}

failed=0
fact() { # WHAT EXPECTED FOUND
    if [[ $2 == "$3" ]]; then
        printf '%-52s %s\n' "$1" "$3"
    else
        printf '%-52s %s, but it should be %s\n' "$1" "$3" "$2"
        failed=1
    fi
}

facts() {
    say "What is known about them"
    fact "chunks of pt12.Object" "6630 6631 6800 6801 6968 6970 6971 7138 7140 7308 7310 7478 7648" \
        "$(sql pt12 <<<'SELECT chunkId FROM Object GROUP BY chunkId ORDER BY chunkId' | paste -sd ' ')"
    fact "rows of pt12.Science_Ccd_Exposure" 3304 "$(sql pt12 <<<'SELECT COUNT(*) FROM Science_Ccd_Exposure')"
    fact "rows of pt12.Source of object 390030275138483" 36 \
        "$(sql pt12 <<<'SELECT sourceId, raObject FROM Source WHERE objectId=390030275138483' | wc -l)"
    local table
    for table in pt11.Object:1000 pt11.Source:4583 pt12.Object:88 pt12.Source:3339 pt12.RefSrcMatch:3344 \
        pt12.SimRefObject:3314 pt12.Filter:9 pt12.LeapSeconds:38; do
        fact "rows of ${table%:*}" "${table#*:}" "$(sql <<<"SELECT COUNT(*) FROM ${table%:*}")"
    done
    fact "orphans of pt12.Source" 36 "$(k get ingest pt12-source --output 'go-template={{.status.summary.orphans}}')"
    return "$failed"
}

load
facts
