{{/* Labels of every object: dict "root" $ "component" name */}}
{{- define "orrery.labels" -}}
{{ include "orrery.selector" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: orrery
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Labels of a component's pods: dict "root" $ "component" name "values" its values */}}
{{- define "orrery.podLabels" -}}
{{ include "orrery.labels" . }}
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that select the pods of a component. */}}
{{- define "orrery.selector" -}}
app.kubernetes.io/name: orrery
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* What pods of a restricted namespace must say. */}}
{{- define "orrery.podSecurity" -}}
{{- toYaml .Values.podSecurityContext }}
{{- end }}

{{- define "orrery.containerSecurity" -}}
{{- toYaml .Values.containerSecurityContext }}
{{- end }}

{{/* As whom the pods that the operator makes run, and with what. */}}
{{- define "orrery.madePods" -}}
{{- dict
  "podSecurityContext" .Values.podSecurityContext
  "containerSecurityContext" .Values.containerSecurityContext
  "agentResources" .Values.agent.resources
  "loaderResources" .Values.loader.resources
  | toJson -}}
{{- end }}

{{- define "orrery.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where the pods of a component go: dict "root" $ "component" name "values" its values */}}
{{- define "orrery.scheduling" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "orrery.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* Liveness and readiness over the admin port. */}}
{{- define "orrery.probes" -}}
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: admin}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
{{- end }}

{{/* What a program logs, and how: dict "root" $ "values" its values */}}
{{- define "orrery.logEnv" -}}
- name: RUST_LOG
  value: {{ .values.log | quote }}
- name: ORRERY_LOG_FORMAT
  value: {{ .root.Values.logFormat }}
{{- end }}

{{/* The pod's own name, UID and namespace. */}}
{{- define "orrery.podEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
- name: ORRERY_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end }}

{{/* my.cnf of the shadow server. */}}
{{- define "orrery.shadowConfig" -}}
[mariadbd]
bind_address=127.0.0.1
character_set_server=utf8mb4
collation_server=utf8mb4_general_ci
default_storage_engine=InnoDB
init_file=/usr/share/orrery/functions.sql
innodb_buffer_pool_size={{ .Values.czar.shadow.bufferPool }}
innodb_flush_log_at_trx_commit=0
innodb_log_file_size=48M
local_infile=1
lower_case_table_names=0
max_allowed_packet=64M
max_connections=500
open_files_limit=20000
performance_schema=OFF
pid_file=/run/mysqld/mysqld.pid
skip_log_bin
skip_name_resolve=1
skip_networking
socket=/run/mysqld/mysqld.sock
sql_mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
table_definition_cache=4000
table_open_cache=4000
tmpdir=/tmp
{{- end }}
