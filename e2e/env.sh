#!/usr/bin/env bash
# Print shell lines that point a shell at the demo:  eval "$(make -s env)"
#
# Works while no demo runs, too: ORRERY_PASSWORD is left out then.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster_programs=$("$here/cluster/kube/build.sh")
own_programs=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orrery/target}/release
kubeconfig=${KUBECONFIG:-$("$here/cluster/cluster" kubeconfig)}

password() {
    "$cluster_programs/kubectl" --kubeconfig "$kubeconfig" --namespace orrery --request-timeout 5s \
        get secret orrery-admin --output 'go-template={{.data.password | base64decode}}' 2>/dev/null
}

line() { printf 'export %s=%q\n' "$1" "$2"; }

line KUBECONFIG "$kubeconfig"
# shellcheck disable=SC2016 # expanded by the shell that reads it
printf 'export PATH=%q:%q:"$PATH"\n' "$own_programs" "$cluster_programs"
line ORRERY_HOST 127.0.0.1
line ORRERY_PORT 4040
line ORRERY_USER admin
if secret=$(password); then
    line ORRERY_PASSWORD "$secret"
else
    echo "# no Secret orrery-admin in namespace orrery: start the demo with: make demo"
fi
