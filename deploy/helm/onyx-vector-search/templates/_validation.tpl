{{/* What the schema cannot say: values that only make sense together. Included by the Deployment. */}}
{{- define "onyx-vector-search.validate" -}}
{{- $named := 0 -}}
{{- if .Values.configMap.VECTOR_DB_HOST }}{{ $named = add $named 1 }}{{ end -}}
{{- if .Values.auth.databaseUrl.enabled }}{{ $named = add $named 1 }}{{ end -}}
{{- if .Values.cnpg.enabled }}{{ $named = add $named 1 }}{{ end -}}
{{- if eq (int $named) 0 }}
{{- fail "Name a database: configMap.VECTOR_DB_HOST with auth.postgresql, or auth.databaseUrl.enabled, or cnpg.enabled." }}
{{- end }}
{{- if gt (int $named) 1 }}
{{- fail "Name one database only: configMap.VECTOR_DB_HOST, auth.databaseUrl.enabled and cnpg.enabled exclude each other." }}
{{- end }}
{{- range $part := include "onyx-vector-search.authInForce" . | trim | splitList " " }}
{{- $auth := index $.Values.auth $part -}}
{{- if not (or $auth.existingSecret (and $.Values.cnpg.enabled (eq $part "postgresql"))) }}
{{- range $variable, $key := $auth.secretKeys }}
{{- if not (index $auth.values $key) }}
{{- fail (printf "auth.%s.values.%s is empty: %s is needed. Set it, or name a secret in auth.%s.existingSecret." $part $key $variable $part) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if not (or .Values.auth.apiKeys.enabled .Values.configMap.VECTOR_SEARCH_OIDC_ISSUER (eq (toString .Values.configMap.VECTOR_SEARCH_ALLOW_ANONYMOUS) "true")) }}
{{- fail "Nobody would be answered: set auth.apiKeys, or configMap.VECTOR_SEARCH_OIDC_ISSUER, or, where the network keeps strangers out, configMap.VECTOR_SEARCH_ALLOW_ANONYMOUS=true." }}
{{- end }}
{{- $least := add (int .Values.preStopSeconds) 35 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $least) }}
{{- fail (printf "terminationGracePeriodSeconds must be at least %d: preStopSeconds, 25 s for running requests, 10 s to disconnect." (int $least)) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas." }}
{{- end }}
{{- if .Values.cnpg.enabled }}
{{- $pods := ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int | add 1 -}}
{{- $each := add (int .Values.configMap.VECTOR_SEARCH_SEARCH_CONNECTIONS) (int .Values.configMap.VECTOR_SEARCH_WRITE_CONNECTIONS) 2 -}}
{{- $needed := add (mul $pods (int .Values.configMap.VECTOR_SEARCH_WORKERS) $each) 10 -}}
{{- if gt (int $needed) (int .Values.cnpg.parameters.max_connections) }}
{{- fail (printf "%d connections are needed at most (pods and one more while upgrading × workers × pools with one for probes and one for maintenance, and 10 for the operator), cnpg.parameters.max_connections is %s." (int $needed) (toString .Values.cnpg.parameters.max_connections)) }}
{{- end }}
{{- if and .Values.cnpg.backup.enabled (eq .Values.cnpg.backup.method "plugin") (not .Values.cnpg.backup.objectStore) }}
{{- fail "cnpg.backup.objectStore is empty: the plugin method needs destinationPath and credentials." }}
{{- end }}
{{- end }}
{{- end }}
