# shellcheck shell=bash
# The files a node's programs read, written once when the cluster is made, into
# the node's folder. The node sees that folder as /run/node (see node-init.sh).

node_prepare() { # NODE
    local dir
    dir=$(node_dir "$1")
    mkdir -p "$dir"/{etc/cni,containerd,imported,kubelet,log,volumes}
    volumes_make "$1"
    node_credentials "$1" "$dir/etc"
    write_containerd "$dir/etc/containerd.toml"
    write_cni "$1" "$dir/etc/cni/10-orrery.conflist"
    write_kubelet "$1" "$dir/etc/kubelet.yaml"
    write_kube_proxy "$1" "$dir/etc/kube-proxy.yaml"
}

node_credentials() { # NODE DIR
    pki_certificate "$pki" "$1" "/O=system:nodes/CN=system:node:$1"
    pki_kubeconfig "$pki" "$1" "https://$lab_ip:$api_port" "$2/kubelet.kubeconfig"
    cp "$pki/kube-proxy.kubeconfig" "$pki/ca.crt" "$2/"
}

# OOM scores are left alone: lowering one needs a capability that a container or
# a small virtual machine may lack, and runc fails in a way hard to read.
write_containerd() {
    cat >"$1" <<TOML
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "/run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/orrery-pause:1"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/run/node/etc/cni"
TOML
}

# Each pod hangs on a cable of its own and everything is routed: with a bridge, a
# reply between two pods of one node would bypass the Service translation. The
# addresses in use are kept on /run: a node that was off starts with none taken.
write_cni() {
    cat >"$2" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "orrery",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": [[{"subnet": "$(node_pods "$1")"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
JSON
}

write_kubelet() {
    cat >"$2" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_ip "$1")
authentication:
  x509: {clientCAFile: /run/node/etc/ca.crt}
  webhook: {enabled: true}
  anonymous: {enabled: false}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$lab/$1
failCgroupV1: false
clusterDNS: [$dns_ip]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failSwapOn: false
resolvConf: /dev/null
oomScoreAdj: 0
serializeImagePulls: false
volumePluginDir: /run/kubelet-plugins
# Node death has to be seen soon: see also the controller-manager's grace period.
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 10
# All nodes share one disk and one memory, so these say nothing about a node.
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
YAML
}

write_kube_proxy() {
    cat >"$2" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: /run/node/etc/kube-proxy.kubeconfig}
clusterCIDR: $pod_cidr
hostnameOverride: $1
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0}
nftables: {minSyncPeriod: 200ms}
YAML
}
