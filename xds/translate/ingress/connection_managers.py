"""How the ingress speaks HTTP with clients, and whom it believes what they say of themselves."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Literal

from lockgate.ir.proxy import ClientAddress, ClientAuth, IngressProxy
from xds import codec
from xds.codec import schema
from xds.translate.http import connection_manager
from xds.translate.ingress.access_log import file_access_log
from xds.translate.ingress.filters import http_filters
from xds.translate.ingress.shards import ONLY_SHARD, SHARD_HEADER, scoped_routes

TOLD_BY_PROXIES = (
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
    "x-original-url", "x-real-ip",
)  # fmt: skip
"""Headers that say who the client is; of a client that is not trusted they are removed."""
_EARLY = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
_XFF = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig"
_MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
_HTTP3_TOLD_S = 86400
"""How long a client may remember that HTTP/3 is spoken."""
_MAX_HEADERS = 200
_HEADERS_TIMEOUT_S = 60.0
"""For the headers of a request; without it a client could hold a connection by sending slowly."""
_BUFFER_BYTES = 65536


def ingress_manager(
    name: str,
    proxy: IngressProxy,
    *,
    trusted: bool,
    client: ClientAuth | None = None,
    codec_type: Literal["AUTO", "HTTP3"] = "AUTO",
    secure: bool = False,
) -> schema.ConfigListenerFilter:
    """Return the network filter of an ingress listener.

    Args:
        name: of the listener, for its statistics and access log.
        proxy: settings of all listeners.
        trusted: whether the connections come from proxies that are believed.
        client: certificates that clients of this filter chain show.
        codec_type: ``HTTP3`` for QUIC.
        secure: whether the connections are of TLS.
    """
    fields: schema.HttpConnectionManager = {
        "codec_type": codec_type,
        "scoped_routes": scoped_routes(),
        "http_filters": [*(_told_of_http3(proxy) if secure else ()), *http_filters()],
        "strip_trailing_host_dot": True,
        "max_request_headers_kb": {"value": proxy.max_header_kib},
        "common_http_protocol_options": {
            "max_headers_count": {"value": _MAX_HEADERS},
            "headers_with_underscores_action": "ALLOW",
        },
        "request_headers_timeout": codec.duration(_HEADERS_TIMEOUT_S),
        # Time-outs of streams are the routes' to set; by default there are none.
        "stream_idle_timeout": codec.duration(0),
        "http2_protocol_options": {
            "max_concurrent_streams": {"value": 100},
            "initial_stream_window_size": {"value": _BUFFER_BYTES * 4},
            "initial_connection_window_size": {"value": _BUFFER_BYTES * 16},
        },
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        **_client_address(proxy.client, trusted=trusted),
        **_client_certificate(client),
    }
    if codec_type == "HTTP3":
        fields["http3_protocol_options"] = {}
    return connection_manager(name, fields, file_access_log(proxy.access_log))


def _told_of_http3(proxy: IngressProxy) -> list[schema.HttpFilter]:
    """Return the filter by which answers tell that HTTP/3 is spoken too.

    Source: RFC 7838, 3; RFC 9114, 3.1.1.
    """
    if not proxy.http3:
        return []
    value = f'h3=":{proxy.public_https_port or proxy.https_port}"; ma={_HTTP3_TOLD_S}'
    told: schema.MutationRulesHeaderMutation = {
        "append": {
            "header": {"key": "alt-svc", "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    config: schema.HttpHeaderMutationHeaderMutation = {"mutations": {"response_mutations": [told]}}
    return [
        {"name": "lockgate.alt_svc", "typed_config": codec.any_of(_MUTATION, config)},
    ]


def _client_address(client: ClientAddress, *, trusted: bool) -> schema.HttpConnectionManager:
    if trusted and client.trusted_prefixes:
        # What the proxy tells of the client is kept, and the proxy's own address added to it.
        detection: schema.TypedExtensionConfig = {
            "name": "envoy.http.original_ip_detection.xff",
            "typed_config": codec.any_of(_XFF, _believed(client)),
        }
        return {
            "use_remote_address": {"value": False},
            "original_ip_detection_extensions": [detection],
            "early_header_mutation_extensions": [_at_first()],
        }
    if client.trusted_hops and not client.trusted_prefixes:
        return {
            "use_remote_address": {"value": True},
            "xff_num_trusted_hops": client.trusted_hops,
            "early_header_mutation_extensions": [_at_first()],
        }
    return {
        "use_remote_address": {"value": True},
        "early_header_mutation_extensions": [_at_first(*TOLD_BY_PROXIES)],
    }


def _at_first(*removed: str) -> schema.TypedExtensionConfig:
    """Return what is done to a request's headers before its route is looked for."""
    mutations: list[schema.MutationRulesHeaderMutation] = [
        {
            "append": {
                "header": {"key": SHARD_HEADER, "value": ONLY_SHARD},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        }
    ]
    mutations += [{"remove": name} for name in removed]
    config: schema.EarlyHeaderMutationHeaderMutationHeaderMutation = {"mutations": mutations}
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": codec.any_of(_EARLY, config),
    }


def _believed(client: ClientAddress) -> schema.XffConfig:
    ranges: list[schema.CidrRange] = [prefix_range(one) for one in client.trusted_prefixes]
    return {"xff_trusted_cidrs": {"cidrs": ranges}, "skip_xff_append": {"value": False}}


def prefix_range(prefix: str) -> schema.CidrRange:
    """Return an address prefix."""
    network = ip_network(prefix)
    return {
        "address_prefix": str(network.network_address),
        "prefix_len": {"value": network.prefixlen},
    }


def _client_certificate(client: ClientAuth | None) -> schema.HttpConnectionManager:
    if client is None or not client.forward:
        return {"forward_client_cert_details": "SANITIZE"}
    return {
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {
            "subject": {"value": True},
            "cert": True,
            "dns": True,
            "uri": True,
        },
    }
