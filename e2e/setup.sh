#!/usr/bin/env bash
# Install what building and testing need and this machine lacks, saying what and
# why for each. For Debian 12, as root. Rust and Go are checked, not installed:
# they are best left to whoever looks after the machine.
set -euo pipefail

# What, and why. One line each; nothing else is ever installed.
needs=(
    "make:runs the tasks"
    "gcc:links the programs and builds the pause image"
    "libc6-dev:the C library to link against"
    "binutils:takes debug sections out of what goes into images"
    "git:finds the scripts to check"
    "curl:asks HTTP endpoints in tests"
    "jq:reads JSON in scripts"
    "python3:small helpers of tests"
    "python3-pymysql:one of the MySQL clients the tests speak with"
    "openssl:makes the cluster's certificates"
    "iproute2:makes the cluster's network"
    "util-linux:makes a node's namespaces"
    "procps:sets a node's network parameters"
    "nftables:carries Services to pods (kube-proxy)"
    "iptables:carries host ports to pods (CNI portmap)"
    "conntrack:forgets connections to pods that are gone (kube-proxy)"
    "containerd:runs a node's containers"
    "runc:starts them"
    "containernetworking-plugins:gives each pod its network"
    "e2fsprogs:makes small file systems that tests fill up"
    "strace:shows tests in which order files reach the disk"
    "faketime:gives one process a wrong clock in tests"
    "buildah:builds images"
    "mmdebstrap:makes base images from Debian packages"
    "mariadb-server-core:real mysqld for tests and for comparison"
    "mariadb-client-core:the mysql command line"
    "shellcheck:checks scripts"
)
go_minimum=1.25

say() { printf 'setup: %s\n' "$*"; }
die() {
    say "$*" >&2
    exit 1
}

installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# The programs are wanted, not the services that some packages start.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    local outcome=0
    "$@" || outcome=$?
    rm -f "$policy"
    return "$outcome"
}

install_packages() {
    local need missing=()
    for need in "${needs[@]}"; do
        if ! installed "${need%%:*}"; then
            say "installing ${need%%:*}: ${need#*:}"
            missing+=("${need%%:*}")
        fi
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || die "installing needs root: apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    without_services apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Rustup fetches the version that rust-toolchain.toml names by itself.
check_rust() {
    command -v cargo >/dev/null || die "Rust is missing: install it with rustup (https://rustup.rs)"
    local wanted have
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    have=$(rustc --version | cut -d' ' -f2)
    [[ $have == "$wanted" ]] || die "Rust $wanted is needed, and rustc here is $have: rustup toolchain install $wanted"
}

check_go() {
    command -v go >/dev/null || die "Go $go_minimum or newer is missing (https://go.dev/dl); it builds Kubernetes for the tests"
    local have
    have=$(go env GOVERSION)
    have=${have#go}
    printf '%s\n%s\n' "$go_minimum" "$have" | sort --version-sort --check=quiet ||
        die "Go $go_minimum or newer is needed, and here is $have"
}

main() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    [[ -e /etc/debian_version ]] || die "this knows Debian's packages only; install by hand: ${needs[*]%%:*}"
    install_packages
    check_rust
    check_go
    say "everything needed is here"
}

main
