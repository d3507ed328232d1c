"""Parts of listeners that the ingress and the L7 listeners share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xds import codec
from xds.codec import schema
from xds.log_sampling import SHARE_KEY

XDS_CLUSTER = "xds"
"""The cluster, static in Envoy's bootstrap, that reaches our server."""
ACCESS_LOG_FLUSH = 0.25
"""Seconds after which Envoy sends what it has logged."""
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"
_LISTENER_FILTER = "envoy.extensions.filters.listener"
_GRPC_LOG = "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"


def grpc_access_log(log_name: str) -> schema.AccessLog:
    """Return an access log that is streamed to our server, of a busy Envoy a share."""
    share: schema.AccessLogFilter = {
        "runtime_filter": {
            "runtime_key": SHARE_KEY,
            "percent_sampled": {"numerator": 100},
            "use_independent_randomness": True,
        }
    }
    config = schema.HttpGrpcAccessLogConfig(
        common_config={
            "log_name": log_name,
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": XDS_CLUSTER}},
            "buffer_flush_interval": codec.duration(ACCESS_LOG_FLUSH),
        }
    )
    return {
        "name": "envoy.access_loggers.http_grpc",
        "filter": share,
        "typed_config": codec.any_of(_GRPC_LOG, config),
    }


def router(*, quiet: bool) -> schema.HttpFilter:
    """Return the last HTTP filter; ``quiet`` adds no ``x-envoy`` headers."""
    config = schema.Router(suppress_envoy_headers=quiet)
    return {"name": "envoy.filters.http.router", "typed_config": codec.any_of(_ROUTER, config)}


def connection_manager(
    name: str,
    fields: schema.HttpConnectionManager,
    access_logs: Iterable[schema.AccessLog] = (),
) -> schema.ConfigListenerFilter:
    """Return the network filter that speaks HTTP; paths are normalised before any rule."""
    config: schema.HttpConnectionManager = {
        "stat_prefix": name.replace("/", "_"),
        "codec_type": "AUTO",
        "normalize_path": {"value": True},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": [grpc_access_log(name), *access_logs],
        **fields,
    }
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": codec.any_of(_MANAGER, config),
    }


def tls_inspector() -> schema.ListenerFilter:
    """Return the listener filter that reads the server name of a TLS connection."""
    return listener_filter("tls_inspector", "TlsInspector", schema.TlsInspector())


def listener_filter(name: str, message: str, fields: Mapping[str, object]) -> schema.ListenerFilter:
    """Return a listener filter of Envoy's."""
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": codec.any_of(f"{_LISTENER_FILTER}.{name}.v3.{message}", fields),
    }
