# shellcheck shell=bash
# How the host comes in: ports on 127.0.0.1 whose connections go out again inside
# the sealed network. A NodePort is tried on each node in turn, so that it works
# while any node does.

relay_names=(api mysql http)
declare -A relay_port=([api]=$api_port [mysql]=4040 [http]=4048)

relay_targets() {
    case $1 in
        api) echo "$lab_ip:$api_port" ;;
        mysql) node_names | while read -r node; do echo "$(node_ip "$node"):30040"; done ;;
        http) node_names | while read -r node; do echo "$(node_ip "$node"):30048"; done ;;
    esac
}

# relay_command PORT TARGET…: one word a line. The socket is the host's, the program behind it lives
# in the lab.
relay_command() {
    local port=$1
    shift
    printf '%s\n' "$(programs)/relay" listen "127.0.0.1:$port" \
        nsenter --net="$(netns_path "$lab")" "$(programs)/relay" forward "$@"
}

relays_start() {
    local name targets words
    for name in "${relay_names[@]}"; do
        mapfile -t targets < <(relay_targets "$name")
        mapfile -t words < <(relay_command "${relay_port[$name]}" "${targets[@]}")
        spawn "relay-$name" "${words[@]}"
    done
}

relays_check() {
    local name
    for name in "${relay_names[@]}"; do
        service_running "relay-$name" || {
            service_log_end "relay-$name"
            die "127.0.0.1:${relay_port[$name]} cannot be opened; does another program use it?"
        }
    done
}
