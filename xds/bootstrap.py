"""Envoy's bootstrap: where it gets everything from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from xds import codec
from xds.translate.http import XDS_CLUSTER
from xds.translate.ingress.routes import MAX_REGEX_PROGRAM

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MESSAGE = "envoy.config.bootstrap.v3.Bootstrap"


def bootstrap(node: str, xds_socket: Path, admin_socket: Path) -> Message:
    """Return the bootstrap of a node's Envoy: delta ADS and admin, each on a Unix socket."""
    grpc = {"envoy_grpc": {"cluster_name": XDS_CLUSTER}}
    ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": codec.duration(5)}
    return codec.build(
        _MESSAGE,
        {
            "node": {"id": node, "cluster": "lockgate"},
            "admin": {"address": {"pipe": {"path": str(admin_socket), "mode": 0o600}}},
            "static_resources": {"clusters": [xds_cluster(xds_socket)]},
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "DELTA_GRPC",
                    "transport_api_version": "V3",
                    "grpc_services": [grpc],
                    "set_node_on_first_message_only": True,
                },
                "cds_config": ads,
                "lds_config": ads,
            },
            # A flush looks at every counter of every cluster: with 50,000 it stops the main thread,
            # and with it every update, for most of a second. Who asks for statistics gets them.
            "stats_flush_on_admin": True,
            "layered_runtime": {"layers": [_runtime(), {"name": "agent", "admin_layer": {}}]},
        },
    )


def static_bootstrap(
    admin_socket: Path, xds_socket: Path, listeners: list[bytes], clusters: list[bytes]
) -> Message:
    """Return a bootstrap that holds encoded ``Any`` resources, to have Envoy judge them."""
    made: Any = bootstrap("validate", xds_socket, admin_socket)
    made.ClearField("dynamic_resources")
    made.dynamic_resources.ads_config.CopyFrom(
        bootstrap("validate", xds_socket, admin_socket).dynamic_resources.ads_config  # type: ignore[attr-defined]  # dynamic class
    )
    for field, bodies in (("listeners", listeners), ("clusters", clusters)):
        for body in bodies:
            wrapped: Any = codec.decode("google.protobuf.Any", body)
            getattr(made.static_resources, field).add().MergeFromString(wrapped.value)
    return made  # type: ignore[no-any-return]  # dynamic class


def xds_cluster(path: Path) -> dict[str, Any]:
    """Return the static cluster that reaches our server."""
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(path)}}}}
    return {
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": codec.duration(1),
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: codec.any_of(
                _HTTP_OPTIONS, {"explicit_http_config": {"http2_protocol_options": {}}}
            )
        },
    }


def _runtime() -> dict[str, Any]:
    limits = {
        "re2.max_program_size.error_level": MAX_REGEX_PROGRAM,
        "re2.max_program_size.warn_level": 1_000,
    }
    layer = codec.message("google.protobuf.Struct")()
    layer.update(limits)  # type: ignore[attr-defined]  # a Struct is built by its own method
    return {"name": "static", "static_layer": layer}
