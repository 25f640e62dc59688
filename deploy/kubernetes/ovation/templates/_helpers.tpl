{{/* All programs by name: those of the services, and the others. Those for practice only if wanted. */}}
{{- define "ovation.programs" -}}
{{- $programs := dict }}
{{- $generated := .Files.Get "files/services.json" | fromJson }}
{{- range $name, $program := $generated.services }}
{{- $reaches := list "database" "rabbitmq" "issuer" }}
{{- if $program.providers }}
{{- $reaches = append $reaches "providers" }}
{{- end }}
{{- if $program.posts }}
{{- $reaches = append $reaches "endpoints" }}
{{- end }}
{{- $_ := set $programs $name (merge (dict "service" true "reaches" $reaches) $program) }}
{{- end }}
{{- range $name, $program := .Files.Get "files/programs.yaml" | fromYaml }}
{{- if or (not $program.practising) $.Values.practice.enabled }}
{{- if $program.holdsAll }}
{{- $secrets := dict }}
{{- range $generated.operator_secrets }}{{ $_ := set $secrets . . }}{{ end }}
{{- $program = merge (dict "secrets" (merge $secrets $program.secrets)) $program }}
{{- end }}
{{- $_ := set $programs $name $program }}
{{- end }}
{{- end }}
{{- range $name, $program := $programs }}
{{- $_ := set $program "name" $name }}
{{- if and $.Values.practice.enabled $program.practice }}
{{- $_ := set $program "environment" (merge (deepCopy $program.practice) $program.environment) }}
{{- end }}
{{- end }}
{{- if .Values.settings.OVATION_TENCENT_SDK_APP_ID }}
{{- $tencent := .Files.Get "files/tencent.yaml" | fromYaml }}
{{- $gift := $programs.gift }}
{{- $_ := set $gift "environment" (merge $tencent.environment $gift.environment) }}
{{- $_ := set $gift "secrets" (merge $tencent.secrets $gift.secrets) }}
{{- end }}
{{- toJson $programs }}
{{- end }}

{{/* What a workload has: its own values over the defaults. */}}
{{- define "ovation.workload" -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (default dict (index .root.Values.workloads .name)) | toJson }}
{{- end }}

{{- define "ovation.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: ovation
{{- end }}

{{- define "ovation.labels" -}}
{{ include "ovation.selector" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ include "ovation.version" .root | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ovation.version" -}}
{{ default .Chart.AppVersion .Values.images.tag }}
{{- end }}

{{- define "ovation.image" -}}
image: {{ printf "%s/%s:%s" .root.Values.images.prefix .image (include "ovation.version" .root) | quote }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
{{- end }}

{{/* `host:port` of the server that has a service's database. */}}
{{- define "ovation.postgres" -}}
{{ (default .root.Values.postgres (index .root.Values.postgres.services .name)).address }}
{{- end }}

{{/* Where the pools of a service go: its pooler if there is one, else its server. */}}
{{- define "ovation.pooler" -}}
{{- $server := default .root.Values.postgres (index .root.Values.postgres.services .name) }}
{{- default $server.address (default dict $server.pooler).address }}
{{- end }}

{{/* A text with the settings of the values in place of ${NAME}. */}}
{{- define "ovation.filled" -}}
{{- $text := .text }}
{{- range $name, $value := .root.Values.settings }}
{{- $text = replace (printf "${%s}" $name) $value $text }}
{{- end }}
{{- $text = replace "${POSTGRES_POOLER}" (include "ovation.pooler" .) $text }}
{{- $text = replace "${POSTGRES}" (include "ovation.postgres" .) $text }}
{{- $text = replace "${RABBITMQ_MANAGEMENT}" .root.Values.rabbitmq.management $text }}
{{- replace "${RABBITMQ}" .root.Values.rabbitmq.address $text }}
{{- end }}

{{- define "ovation.environment" -}}
{{- range $name, $text := .environment }}
- name: {{ $name }}
  value: {{ include "ovation.filled" (dict "text" $text "name" $.name "root" $.root) | quote }}
{{- end }}
{{- end }}

{{/* What confines every pod and every container of it. */}}
{{- define "ovation.podSecurity" -}}
automountServiceAccountToken: false
# A variable WALLET_PORT of a Service `wallet` would be a setting of ours.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "ovation.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Files below /run/secrets, by name: from the Secret of `make secrets`, and from the providers'. */}}
{{- define "ovation.secretVolume" -}}
projected:
  defaultMode: 0440
  sources:
    - secret:
        name: {{ .root.Values.secrets.name }}
        items:
          {{- range $path, $key := .secrets }}
          - {key: {{ $key }}, path: {{ $path }}}
          {{- end }}
    {{- range .providers }}
    - secret:
        name: {{ index $.root.Values.secrets.providers . }}
        optional: true
    {{- end }}
    {{- if and .archives .root.Values.archives.credentials }}
    - secret:
        name: {{ .root.Values.archives.credentials }}
        items:
          - {key: archive_credentials, path: archive_credentials}
    {{- end }}
{{- end }}

{{- define "ovation.spread" -}}
topologySpreadConstraints:
  {{- range tuple "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "ovation.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{- define "ovation.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What only this installation has: databases on servers of their own, a bucket, traces. */}}
{{- define "ovation.extraEnvironment" -}}
{{- if has "databases" .program.reaches }}
{{- range $service, $server := .root.Values.postgres.services }}
- {name: {{ printf "OVATIONCTL_%s_POSTGRES" (upper $service) }}, value: {{ $server.address | quote }}}
{{- end }}
{{- end }}
{{- if and .program.archives .root.Values.archives.credentials }}
- {name: AWS_SHARED_CREDENTIALS_FILE, value: /run/secrets/archive_credentials}
{{- end }}
{{- if and .root.Values.tracing.endpoint (not .program.single) }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .root.Values.tracing.endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .root.Values.tracing.sampled | quote }}}
{{- end }}
{{- end }}

{{/* The ports of `host:port,host`, each once. */}}
{{- define "ovation.ports" -}}
{{- $ports := list }}
{{- range splitList "," .addresses }}
{{- $parts := splitList ":" . }}
{{- $ports = append $ports (ternary (last $parts) (toString $.default) (gt (len $parts) 1) | int) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{- define "ovation.managementPort" -}}
{{- $parts := urlParse .Values.rabbitmq.management }}
{{- $port := last (splitList ":" $parts.host) }}
{{- if contains ":" $parts.host }}{{ $port }}{{ else if eq $parts.scheme "https" }}443{{ else }}80{{ end }}
{{- end }}

{{/* Peers of a NetworkPolicy; none at all would be everybody. */}}
{{- define "ovation.peers" -}}
{{- if not .peers }}{{ fail .missing }}{{ end }}
{{- toYaml .peers }}
{{- end }}

{{- define "ovation.toPostgres" -}}
- to: {{- toYaml .peers | nindent 4 }}
  ports:
    {{- range include "ovation.ports" (dict "addresses" .address "default" 5432) | fromJsonArray }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
