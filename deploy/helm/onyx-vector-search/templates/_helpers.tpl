{{- define "onyx-vector-search.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "onyx-vector-search.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "onyx-vector-search.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A child's name: fullname-suffix, cut to 63 characters with a hash so that cut names stay apart. */}}
{{- define "onyx-vector-search.resourceName" -}}
{{- $name := printf "%s-%s" (include "onyx-vector-search.fullname" (index . 0)) (index . 1) -}}
{{- if gt (len $name) 63 -}}
{{- printf "%s-%s" ($name | trunc 54 | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end }}

{{- define "onyx-vector-search.namespace" -}}
{{- if eq .Release.Namespace "default" -}}
{{- .Values.defaultNamespace -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}

{{- define "onyx-vector-search.selectorLabels" -}}
app.kubernetes.io/name: {{ include "onyx-vector-search.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "onyx-vector-search.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "onyx-vector-search.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "onyx-vector-search.image" -}}
{{- $tag := .Values.image.tag | default .Values.global.version | default .Chart.AppVersion -}}
{{- if hasPrefix "sha256:" $tag -}}
{{- printf "%s@%s" .Values.image.repository $tag -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end }}

{{- define "onyx-vector-search.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "onyx-vector-search.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "onyx-vector-search.clusterName" -}}
{{- include "onyx-vector-search.resourceName" (list . "pg") -}}
{{- end }}

{{/* The settings that are no secrets, as a YAML map; empty values are left to the service. */}}
{{- define "onyx-vector-search.settings" -}}
{{- $settings := deepCopy .Values.configMap -}}
{{- if .Values.cnpg.enabled -}}
{{- $_ := set $settings "VECTOR_DB_HOST" (printf "%s-rw" (include "onyx-vector-search.clusterName" .)) -}}
{{- $_ := set $settings "VECTOR_DB_PORT" "5432" -}}
{{- $_ := set $settings "VECTOR_DB_NAME" .Values.cnpg.database -}}
{{- if not $settings.VECTOR_DB_SSLMODE }}{{ $_ := set $settings "VECTOR_DB_SSLMODE" "verify-full" }}{{ end -}}
{{- if not $settings.VECTOR_DB_SSLROOTCERT }}{{ $_ := set $settings "VECTOR_DB_SSLROOTCERT" "/etc/postgresql-ca/ca.crt" }}{{ end -}}
{{- end -}}
{{- $_ := set $settings "PORT" (toString .Values.containerPorts.server) -}}
{{- range $name, $value := $settings }}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ toString $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Which parts of auth are in force, as a list of names. */}}
{{- define "onyx-vector-search.authInForce" -}}
{{- if .Values.auth.databaseUrl.enabled }}databaseUrl {{ else }}postgresql {{ end }}
{{- if .Values.auth.searchDatabaseUrl.enabled }}searchDatabaseUrl {{ end }}
{{- if .Values.auth.apiKeys.enabled }}apiKeys {{ end }}
{{- if .Values.auth.searchTokens.enabled }}searchTokens {{ end }}
{{- if .Values.auth.embedding.enabled }}embedding{{ end }}
{{- end }}

{{/* The secret of one part of auth: (list root name suffix). */}}
{{- define "onyx-vector-search.secretName" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- if and $root.Values.cnpg.enabled (eq $part "postgresql") -}}
{{- printf "%s-app" (include "onyx-vector-search.clusterName" $root) -}}
{{- else -}}
{{- (index $root.Values.auth $part).existingSecret | default (include "onyx-vector-search.resourceName" (list $root (index . 2))) -}}
{{- end -}}
{{- end }}

{{/* Secret variables of the container: (list root names suffix). */}}
{{- define "onyx-vector-search.secretEnv" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 2 -}}
{{- range $part := index . 1 }}
{{- range $variable, $key := (index $root.Values.auth $part).secretKeys }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "onyx-vector-search.secretName" (list $root $part $suffix) }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end }}

{{/* Data of the secret that the chart makes: (list root names); empty when every part is an existing secret. */}}
{{- define "onyx-vector-search.secretData" -}}
{{- $root := index . 0 -}}
{{- range $part := index . 1 }}
{{- $auth := index $root.Values.auth $part -}}
{{- if not (or $auth.existingSecret (and $root.Values.cnpg.enabled (eq $part "postgresql"))) }}
{{- range $variable, $key := $auth.secretKeys }}
{{ $key }}: {{ index $auth.values $key | b64enc | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
