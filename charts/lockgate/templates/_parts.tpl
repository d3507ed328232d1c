{{- define "lockgate.labels" -}}
app.kubernetes.io/name: lockgate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "lockgate.selector" -}}
app.kubernetes.io/name: lockgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lockgate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* One environment variable of a setting; a list is given as JSON. */}}
{{- define "lockgate.environment" -}}
{{- range $name, $value := . }}
LOCKGATE_{{ upper $name }}: {{ (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end }}

{{- define "lockgate.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Secrets that agents and operator read in one namespace only, if a setting says so. */}}
{{- define "lockgate.secretsNamespace" -}}
{{ .Values.settings.ingress_secrets_namespace | default "" }}
{{- end }}
