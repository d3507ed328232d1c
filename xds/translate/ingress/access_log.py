"""The JSON access log of the ingress: one line for each request, with the object that served it."""

from __future__ import annotations

from typing import Any

from xds import codec
from xds.codec import schema

STDOUT = "-"
FIELDS = {
    "time": "%START_TIME%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "protocol": "%PROTOCOL%",
    "scheme": "%REQ(X-FORWARDED-PROTO)%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status": "%RESPONSE_CODE%",
    "detail": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream": "%UPSTREAM_HOST%",
    "upstream_duration_ms": "%RESPONSE_DURATION%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "ingress_namespace": "%METADATA(ROUTE:lockgate:namespace)%",
    "ingress": "%METADATA(ROUTE:lockgate:name)%",
    "route": "%ROUTE_NAME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "server_name": "%REQUESTED_SERVER_NAME%",
    "user_agent": "%REQ(USER-AGENT)%",
}


def file_access_log(path: str) -> list[schema.AccessLog]:
    """Return a JSON access log to a file, to standard output for ``-``, or none for nothing."""
    if not path:
        return []
    log_format: Any = {"json_format": FIELDS}
    if path == STDOUT:
        message = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
        config = {"log_format": log_format}
    else:
        message = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
        config = {"path": path, "log_format": log_format}
    return [{"name": "lockgate.access_log", "typed_config": codec.any_of(message, config)}]
