#!/usr/bin/env bash
# Everything that can be judged without running the product. All checks run, so
# that one look shows all that is wrong.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failed=()

check() { # WHAT COMMAND…
    local what=$1
    shift
    echo "lint: $what"
    "$@" || failed+=("$what")
}

# Files that begin as shell scripts; what they source is checked with them.
scripts() {
    git ls-files --cached --others --exclude-standard -z |
        xargs -0 awk 'FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ { print FILENAME } FNR > 1 { nextfile }'
}
check_scripts() {
    local files
    mapfile -t files < <(scripts)
    shellcheck --check-sourced --external-sources "${files[@]}"
}

check_go() {
    (
        cd e2e/cluster/kube || exit 1
        local unformatted
        unformatted=$(gofmt -l .)
        [[ -z $unformatted ]] || {
            echo "not formatted by gofmt: $unformatted"
            exit 1
        }
        # The other package is a list of imports: vetting it means vetting Kubernetes.
        go vet ./relay && go test ./relay
    )
}

check_chart() { "$(e2e/cluster/kube/build.sh)/helm" lint --strict --quiet charts/orrery; }

# Advisories need a download; licences, bans and sources do not.
deny_version=0.20.2
check_dependencies() {
    local tools=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/tools
    [[ $("$tools/bin/cargo-deny" --version 2>/dev/null) == "cargo-deny $deny_version" ]] || {
        echo "lint: building cargo-deny $deny_version (once)"
        # Unoptimised: it runs for seconds, and is built in half the time.
        cargo install --locked --quiet --force --debug --root "$tools" "cargo-deny@$deny_version" || return
    }
    # Crates of other platforms count as well, and no build has fetched those.
    cargo fetch --locked --quiet || return
    # Cargo finds its subcommands on PATH.
    PATH=$tools/bin:$PATH cargo deny --offline check bans licenses sources
}

# Crates whose files import each other in no circle.
without_circles=(
    kubectl-orrery orrery-archive orrery-bench orrery-crds orrery-czar-protocol orrery-dev
    orrery-durable orrery-e2e orrery-functions orrery-operator orrery-oracle orrery-proxy
    orrery-sample-sky orrery-sky orrery-snapshot orrery-tls orrery-wire orrery-worker-api
)

check "rustfmt" cargo fmt --all --check
check "clippy" cargo clippy --workspace --all-targets --locked --release --quiet -- --deny warnings
check "scripts" check_scripts
check "tools" tools/structure/self_test.py
check "links" tools/links
check "walls" tools/walls "${without_circles[@]}"
check "Go programs" check_go
check "Helm chart" check_chart
check "dependencies" check_dependencies
check "CRDs" e2e/crds.sh check

if ((${#failed[@]})); then
    printf 'lint: FAILED: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "lint: clean"
