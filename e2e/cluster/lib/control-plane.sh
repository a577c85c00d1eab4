# shellcheck shell=bash
# etcd, API server, controllers, scheduler and DNS, as programs in the lab's
# namespace: they live as long as the machine does, whatever node is killed.

pki=$state/pki
etcd_url=http://127.0.0.1:2379 # the lab's own loopback, which no node reaches

kubectl_lab() { in_lab "$(programs)/kubectl" --kubeconfig "$state/kubeconfig.lab" "$@"; }

control_plane_credentials() {
    pki_authority "$pki"
    pki_certificate "$pki" apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:$lab_ip,IP:$api_service_ip,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    pki_certificate "$pki" admin /O=system:masters/CN=admin
    pki_certificate "$pki" apiserver-kubelet-client /CN=kube-apiserver-kubelet-client
    pki_kubeconfig "$pki" admin "https://127.0.0.1:$api_port" "$state/kubeconfig"
    pki_kubeconfig "$pki" admin "https://$lab_ip:$api_port" "$state/kubeconfig.lab"
    local role
    for role in kube-controller-manager kube-scheduler coredns kube-proxy; do
        pki_certificate "$pki" "$role" "/CN=system:$role"
        pki_kubeconfig "$pki" "$role" "https://$lab_ip:$api_port" "$pki/$role.kubeconfig"
    done
}

etcd_start() {
    # No fsync: a lab that outlives a crash of the machine is not needed.
    spawn_in_lab etcd "$(programs)/etcd" --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
        --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url"
}

# No Ingress: nothing here would serve one, and "kubectl get ing" then means Orrery's Ingest, which
# kubectl asks for only where Kubernetes has no kind of that short name.
apiserver_start() {
    spawn_in_lab kube-apiserver "$(programs)/kube-apiserver" \
        --etcd-servers "$etcd_url" --secure-port "$api_port" --advertise-address "$lab_ip" \
        --service-cluster-ip-range "$service_cidr" --allow-privileged \
        --runtime-config networking.k8s.io/v1/ingresses=false \
        --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
        --client-ca-file "$pki/ca.crt" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$pki/service-accounts.pub" \
        --service-account-signing-key-file "$pki/service-accounts.key" \
        --kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
        --kubelet-client-key "$pki/apiserver-kubelet-client.key" \
        --kubelet-preferred-address-types InternalIP \
        --audit-policy-file "$cluster_dir/manifests/audit-policy.yaml" \
        --audit-log-path "$state/audit.log" --audit-log-maxsize 1000 --audit-log-mode batch
}

# Exactly "ok": until then roles are still being written, and the controllers
# exit for want of them.
apiserver_ready() { [[ $(kubectl_lab --request-timeout 2s get --raw /readyz 2>/dev/null) == ok ]]; }

apiserver_await() {
    wait_for 60 "the API server" apiserver_ready || {
        service_log_end kube-apiserver
        return 1
    }
}

controllers_start() {
    spawn_in_lab kube-controller-manager "$(programs)/kube-controller-manager" \
        --kubeconfig "$pki/kube-controller-manager.kubeconfig" --leader-elect=false \
        --authentication-kubeconfig "$pki/kube-controller-manager.kubeconfig" \
        --authorization-kubeconfig "$pki/kube-controller-manager.kubeconfig" \
        --use-service-account-credentials --root-ca-file "$pki/ca.crt" \
        --service-account-private-key-file "$pki/service-accounts.key" \
        --node-monitor-period 2s --node-monitor-grace-period 20s
    spawn_in_lab kube-scheduler "$(programs)/kube-scheduler" \
        --kubeconfig "$pki/kube-scheduler.kubeconfig" --leader-elect=false \
        --authentication-kubeconfig "$pki/kube-scheduler.kubeconfig" \
        --authorization-kubeconfig "$pki/kube-scheduler.kubeconfig"
}

dns_start() {
    sed "s|@LAB_IP@|$lab_ip|; s|@API@|https://$lab_ip:$api_port|; s|@KUBECONFIG@|$pki/coredns.kubeconfig|" \
        "$cluster_dir/manifests/Corefile" >"$state/Corefile"
    spawn_in_lab coredns "$(programs)/coredns" -conf "$state/Corefile"
}

manifests_apply() {
    sed "s|@LAB_IP@|$lab_ip|; s|@DNS_IP@|$dns_ip|" "$cluster_dir/manifests/lab.yaml" | kubectl_lab apply -f - >/dev/null
}
