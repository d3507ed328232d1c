"""The public listeners: HTTP, HTTPS and HTTP/3."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lockgate.ir.proxy import ClientAuth, IngressProxy, TlsHost
from xds import codec
from xds.codec import schema
from xds.resource import LISTENER, Resource, resource
from xds.translate.http import listener_filter, tls_inspector
from xds.translate.ingress.connection_managers import ingress_manager, prefix_range
from xds.translate.sockets import ADS, address

HTTP_LISTENER = "ingress/http"
HTTPS_LISTENER = "ingress/https"
HTTP3_LISTENER = "ingress/http3"
_NETWORK = "envoy.extensions.filters.network"
_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_QUIC = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport"
_CIPHERS = [
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
]
"""For TLS 1.2; those of 1.3 are not for choosing. All have forward secrecy and are AEADs."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """Server names whose connections are taken the same way."""

    certificates: tuple[str, ...]
    client: ClientAuth | None
    passthrough: str
    hosts: list[str] = field(default_factory=list, compare=False)

    @property
    def name(self) -> str:
        """Stable, so that Envoy keeps the connections of chains that did not change."""
        parts = [*self.certificates, self.passthrough, self.client.authority if self.client else ""]
        return "+".join(filter(None, parts)) + ("" if self.hosts else "/default")


def ingress_listeners(proxy: IngressProxy) -> tuple[Resource, ...]:
    """Return the HTTP listener and, where there is a TLS host, the HTTPS listeners.

    Every certificate in use must be served too: Envoy opens HTTPS only when it has them all.
    """
    found = [_http(proxy)]
    if proxy.hosts:
        chains = _chains(proxy.hosts)
        found.append(_https(proxy, chains))
        if proxy.http3 and any(chain.certificates for chain in chains):
            found.append(_http3(proxy, chains))
    return tuple(found)


def _http(proxy: IngressProxy) -> Resource:
    filters = _limits(proxy, HTTP_LISTENER)
    made = schema.Listener(
        name=HTTP_LISTENER,
        address=address(proxy.address, proxy.http_port),
        listener_filters=_first_filters(proxy),
        filter_chains=[
            {
                "name": "trusted" if trusted else "clients",
                "filter_chain_match": _sources(proxy, trusted=trusted),
                "filters": [*filters, ingress_manager(HTTP_LISTENER, proxy, trusted=trusted)],
            }
            for trusted in _sides(proxy)
        ],
        per_connection_buffer_limit_bytes={"value": _BUFFER_BYTES},
    )
    return resource(LISTENER, HTTP_LISTENER, made)


_BUFFER_BYTES = 1 << 20
"""Of one connection; beyond it the faster side waits."""


def _https(proxy: IngressProxy, chains: Iterable[_Chain]) -> Resource:
    made = schema.Listener(
        name=HTTPS_LISTENER,
        address=address(proxy.address, proxy.https_port),
        listener_filters=[*_first_filters(proxy), tls_inspector()],
        filter_chains=[
            _chain(proxy, chain, trusted=trusted) for chain in chains for trusted in _sides(proxy)
        ],
        per_connection_buffer_limit_bytes={"value": _BUFFER_BYTES},
    )
    return resource(LISTENER, HTTPS_LISTENER, made)


def _http3(proxy: IngressProxy, chains: Iterable[_Chain]) -> Resource:
    made = schema.Listener(
        name=HTTP3_LISTENER,
        address={
            "socket_address": {
                "address": proxy.address,
                "port_value": proxy.https_port,
                "protocol": "UDP",
            }
        },
        udp_listener_config={
            "quic_options": {},
            "downstream_socket_config": {"prefer_gro": {"value": True}},
        },
        filter_chains=[_quic_chain(proxy, chain) for chain in chains if chain.certificates],
    )
    return resource(LISTENER, HTTP3_LISTENER, made)


def _chains(hosts: Iterable[TlsHost]) -> list[_Chain]:
    found: dict[tuple[object, ...], _Chain] = {}
    for host in sorted(hosts, key=lambda host: host.host):
        key = (host.certificates, host.client, host.passthrough, host.host == "*")
        chain = found.setdefault(key, _Chain(host.certificates, host.client, host.passthrough))
        if host.host != "*":
            chain.hosts.append(host.host.lower())
    return sorted(found.values(), key=lambda chain: chain.name)


def _sides(proxy: IngressProxy) -> tuple[bool, ...]:
    """Return whether there are connections that are believed, and others."""
    return (True, False) if proxy.client.trusted_prefixes else (False,)


def _sources(proxy: IngressProxy, *, trusted: bool) -> schema.FilterChainMatch:
    if not trusted:
        return {}
    # After a PROXY protocol header the peer is the client; the proxy is who connects directly.
    ranges = [prefix_range(one) for one in proxy.client.trusted_prefixes]
    return {"source_prefix_ranges": ranges}


def _chain(proxy: IngressProxy, chain: _Chain, *, trusted: bool) -> schema.FilterChain:
    match = _sources(proxy, trusted=trusted)
    if chain.hosts:
        match["server_names"] = chain.hosts
    made: schema.FilterChain = {
        "name": chain.name + ("/trusted" if trusted else ""),
        "filter_chain_match": match,
    }
    limits = _limits(proxy, HTTPS_LISTENER)
    if chain.passthrough:
        return {**made, "filters": [*limits, _pass_through(chain.passthrough)]}
    manager = ingress_manager(
        HTTPS_LISTENER, proxy, trusted=trusted, client=chain.client, secure=True
    )
    made["filters"] = [*limits, manager]
    made["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": codec.any_of(_TLS, _tls(chain, ["h2", "http/1.1"])),
    }
    return made


def _quic_chain(proxy: IngressProxy, chain: _Chain) -> schema.FilterChain:
    transport: schema.QuicDownstreamTransport = {"downstream_tls_context": _tls(chain, [])}
    return {
        "name": chain.name,
        "filter_chain_match": {"server_names": chain.hosts} if chain.hosts else {},
        "filters": [
            ingress_manager(
                HTTP3_LISTENER, proxy, trusted=False, client=chain.client, codec_type="HTTP3"
            )
        ],
        "transport_socket": {
            "name": "envoy.transport_sockets.quic",
            "typed_config": codec.any_of(_QUIC, transport),
        },
    }


def _tls(chain: _Chain, protocols: list[str]) -> schema.DownstreamTlsContext:
    common: schema.CommonTlsContext = {
        "alpn_protocols": protocols,
        "tls_certificate_sds_secret_configs": [
            {"name": name, "sds_config": ADS} for name in chain.certificates
        ],
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_2",
            "tls_maximum_protocol_version": "TLSv1_3",
            "cipher_suites": _CIPHERS,
        },
    }
    context: schema.DownstreamTlsContext = {"common_tls_context": common}
    if chain.client is not None:
        common["combined_validation_context"] = {
            "default_validation_context": {
                "max_verify_depth": {"value": chain.client.depth},
            },
            "validation_context_sds_secret_config": {
                "name": chain.client.authority,
                "sds_config": ADS,
            },
        }
        context["require_client_certificate"] = {"value": chain.client.required}
    return context


def _pass_through(cluster: str) -> schema.ConfigListenerFilter:
    proxy = schema.TcpProxy(stat_prefix="ingress_passthrough", cluster=cluster)
    return {
        "name": "tcp_proxy",
        "typed_config": codec.any_of(f"{_NETWORK}.tcp_proxy.v3.TcpProxy", proxy),
    }


def _first_filters(proxy: IngressProxy) -> list[schema.ListenerFilter]:
    if not proxy.client.proxy_protocol:
        return []
    return [listener_filter("proxy_protocol", "ProxyProtocol", schema.ProxyProtocol())]


def _limits(proxy: IngressProxy, listener: str) -> list[schema.ConfigListenerFilter]:
    """Return network filters that close what is too much."""
    prefix = listener.replace("/", "_")
    found: list[schema.ConfigListenerFilter] = []
    if proxy.connections_per_s:
        rate = schema.NetworkLocalRatelimitLocalRateLimit(
            stat_prefix=prefix,
            share_key=prefix,  # one bucket for all filter chains
            token_bucket={
                "max_tokens": proxy.connections_per_s,
                "tokens_per_fill": {"value": proxy.connections_per_s},
                "fill_interval": codec.duration(1),
            },
        )
        message = f"{_NETWORK}.local_ratelimit.v3.LocalRateLimit"
        found.append(
            {"name": "lockgate.connection_rate", "typed_config": codec.any_of(message, rate)}
        )
    if proxy.max_connections:
        limit = schema.ConnectionLimit(
            stat_prefix=prefix, max_connections={"value": proxy.max_connections}
        )
        message = f"{_NETWORK}.connection_limit.v3.ConnectionLimit"
        found.append({"name": "lockgate.connections", "typed_config": codec.any_of(message, limit)})
    return found
