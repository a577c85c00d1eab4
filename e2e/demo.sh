#!/usr/bin/env bash
# The demo: a cluster on this machine, Orrery in it, a sample sky, the first answers.
#
#   demo.sh up     bring up what is not yet up; a second run changes nothing
#   demo.sh down   take all of it down; nothing is left
#
# ORRERY_DEMO_OBJECTS   rows of sky.Object (1,000,000; sky.Source has five times as many)
# ORRERY_DEMO_WORKERS   workers (4)
# ORRERY_BINARIES       take the programs from there in place of a release build
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$here/..
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}
cluster=$here/cluster/cluster
namespace=orrery
objects=${ORRERY_DEMO_OBJECTS:-1000000}
workers=${ORRERY_DEMO_WORKERS:-4}
seed=1
files=4
node_port=30040 # the cluster's relay brings 127.0.0.1:4040 to it

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }

k() { kubectl --namespace "$namespace" "$@"; }

# Images first: they need no cluster, and a build that fails should fail early.
build() {
    say "Building programs and images"
    local images
    images=$("$here/images/images.sh")
    eval "$images"
}

start_cluster() {
    say "Starting a Kubernetes cluster: four nodes in three zones"
    "$cluster" up
    eval "$("$here/env.sh")"
    [[ -z ${ORRERY_BINARIES:-} ]] || PATH=$ORRERY_BINARIES:$PATH
    kubectl get nodes --label-columns topology.kubernetes.io/zone
    local archive
    for archive in "$ORRERY_ARCHIVE" "$ORRERY_MYSQLD_ARCHIVE"; do
        is_loaded "$archive" || "$cluster" load-image "$archive"
    done
}

is_loaded() { # ARCHIVE: on every node
    local state
    state=$(dirname "$("$cluster" kubeconfig)")
    [[ -e $state/images/$(basename "$1") ]] || return 1
    local node
    for node in "$state"/nodes/*/; do
        [[ -e $node/imported/$(basename "$1") ]] || return 1
    done
}

make_namespace() {
    kubectl apply --filename - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels:
    pod-security.kubernetes.io/enforce: restricted
YAML
}

install_chart() {
    say "Installing the chart into namespace $namespace"
    make_namespace
    helm upgrade --install orrery "$repo/charts/orrery" --namespace "$namespace" --hide-notes \
        --values "$here/demo/values.yaml" \
        --set-string "images.orrery=$ORRERY_IMAGE" --set-string "images.mysqld=$ORRERY_MYSQLD_IMAGE" \
        --set "proxy.service.nodePort=$node_port" \
        --wait --timeout 180s
}

start_workers() {
    say "Asking for $workers workers"
    sed "s/^  workers: .*/  workers: $workers/" "$here/demo/pool.yaml" | k apply --filename -
    sed "s|IMAGE|$ORRERY_IMAGE|" "$here/demo/sky-server.yaml" | k apply --filename -
    k wait workerpool/main --for condition=Available --timeout 180s
    k get workerpools,workers
}

ingest() {
    say "Ingesting a sample sky: $objects objects, about five sources each, three copies of every row"
    orrery-sample-sky manifests --objects "$objects" --seed "$seed" --files "$files" --pool main \
        --namespace "$namespace" --base-url http://sample-sky:8080 | k apply --filename -
    k rollout status deployment/sample-sky --timeout 60s
    kubectl orrery ingest watch sky-filter sky-object sky-source --namespace "$namespace"
}

await_login() {
    eval "$("$here/env.sh")" # with the password, now that there is one
    local end=$((SECONDS + 30))
    until mysql_line --execute 'SELECT 1' >/dev/null 2>&1; do
        ((SECONDS < end)) || {
            echo "demo: the proxy does not let the user in:" >&2
            mysql_line --execute 'SELECT 1'
        }
        sleep 0.5
    done
}

mysql_line() {
    MYSQL_PWD=$ORRERY_PASSWORD mysql --no-defaults --protocol=tcp --host="$ORRERY_HOST" \
        --port="$ORRERY_PORT" --user="$ORRERY_USER" "$@"
}

ask() { # TITLE SQL
    printf '\n\033[1m%s\033[0m\n%s;\n' "$1" "$2"
    # The client prints the statement between two rulers first, and how long it took last.
    mysql_line --table -vvv --execute "$2" sky | sed -e '1,/^-*$/d' -e '/^\(Bye\)\?$/d'
}

answers() {
    say "First answers"
    ask "How many sources are there?" "SELECT COUNT(*) FROM Source"
    ask "What lies within three arc minutes of a point? (cone search)" \
        "SELECT objectId, ra, decl, rMag FROM Object
 WHERE qserv_areaspec_circle(1.0, 2.0, 0.05) ORDER BY rMag LIMIT 5"
    ask "One object by its id" \
        "SELECT objectId, ra, decl, rMag, class FROM Object WHERE objectId = $((objects / 2))"
    ask "How many objects of each magnitude? (histogram)" \
        "SELECT FLOOR(rMag) AS magnitude, COUNT(*) AS objects FROM Object
 WHERE rMag IS NOT NULL GROUP BY magnitude ORDER BY magnitude"
    ask "How often and how bright were the objects of a small box seen in each band? (join)" \
        "SELECT o.objectId, f.name AS band, COUNT(*) AS seen, AVG(s.psfFlux) AS flux
 FROM Object o JOIN Source s ON s.objectId = o.objectId JOIN Filter f ON f.filterId = s.filterId
 WHERE o.ra BETWEEN 1.0 AND 1.2 AND o.decl BETWEEN 2.0 AND 2.2
 GROUP BY o.objectId, f.name ORDER BY seen DESC, o.objectId, band LIMIT 5"
}

# Whether all is as this script would leave it.
is_up() {
    [[ $("$cluster" status) == up* ]] || return 1
    eval "$("$here/env.sh")"
    [[ -n ${ORRERY_PASSWORD:-} ]] || return 1
    local phases
    phases=$(k get ingest sky-filter sky-object sky-source \
        --output 'go-template={{range .items}}{{.status.phase}} {{end}}' 2>/dev/null) || return 1
    [[ $phases == "Visible Visible Visible " ]] || return 1
    [[ $(k get deployment orrery-proxy \
        --output 'go-template={{(index .spec.template.spec.containers 0).image}}') == "$ORRERY_IMAGE" ]] || return 1
    mysql_line --execute 'SELECT COUNT(*) FROM sky.Source' >/dev/null
}

what_next() {
    cat <<TEXT

The demo is $1. Ask it something yourself:

  MYSQL_PWD=$ORRERY_PASSWORD mysql --protocol=tcp -h $ORRERY_HOST -P $ORRERY_PORT -u $ORRERY_USER sky

or look at it:

  eval "\$(make -s env)"
  kubectl -n $namespace get workerpools,workers,chunkfamilies,chunkedtables,referencetables,ingests
  kubectl orrery status -n $namespace

Take it down with: make demo-down
TEXT
}

up() {
    local began=$SECONDS
    build
    if is_up; then
        eval "$("$here/env.sh")"
        what_next "up already"
        return
    fi
    start_cluster
    install_chart
    start_workers
    await_login
    ingest
    answers
    what_next "up, after $((SECONDS - began)) seconds"
}

case ${1:-} in
    up) up ;;
    down) "$cluster" down ;;
    *)
        echo "usage: demo.sh up|down" >&2
        exit 2
        ;;
esac
