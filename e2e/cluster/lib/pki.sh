# shellcheck shell=bash
# Keys and certificates: one authority, one certificate for each role.
# All functions work on a folder given first, so that the cluster and the lone
# API server share them.

pki_days=3650

# pki_authority DIR: the authority and the key that signs service accounts.
pki_authority() {
    (
        umask 077
        mkdir -p "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$pki_days" \
            -subj /CN=orrery-lab-ca -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
        openssl genrsa -out "$1/service-accounts.key" 2048 2>/dev/null
        openssl rsa -in "$1/service-accounts.key" -pubout -out "$1/service-accounts.pub" 2>/dev/null
    ) || die "openssl could not make the authority in $1"
}

# pki_certificate DIR NAME SUBJECT [ALTERNATIVE NAMES]: DIR/NAME.key and .crt.
pki_certificate() {
    local dir=$1 name=$2 subject=$3 names=${4:-}
    local extensions="basicConstraints=CA:FALSE
extendedKeyUsage=clientAuth,serverAuth"
    [[ -z $names ]] || extensions+="
subjectAltName=$names"
    (
        umask 077
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$subject" \
            -keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null &&
            openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -days "$pki_days" \
                -set_serial "0x$(openssl rand -hex 12)" -extfile <(printf '%s\n' "$extensions") \
                -out "$dir/$name.crt" 2>/dev/null &&
            rm "$dir/$name.csr"
    ) || die "openssl could not make the certificate $name"
}

# pki_kubeconfig DIR NAME SERVER FILE: a kubeconfig that logs in as NAME, with
# everything inside, so that it can be copied anywhere.
pki_kubeconfig() {
    local dir=$1 name=$2 server=$3 file=$4
    (
        umask 077
        cat >"$file" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: orrery-lab
  cluster:
    server: $server
    certificate-authority-data: $(base64 -w0 "$dir/ca.crt")
users:
- name: $name
  user:
    client-certificate-data: $(base64 -w0 "$dir/$name.crt")
    client-key-data: $(base64 -w0 "$dir/$name.key")
contexts:
- name: orrery-lab
  context: {cluster: orrery-lab, user: $name}
current-context: orrery-lab
YAML
    )
}
