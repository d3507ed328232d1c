"""Clusters, their endpoints, certificates and authorities."""

from __future__ import annotations

from lockgate.ir import marks
from lockgate.ir.upstream import (
    SYSTEM,
    Balance,
    Certificate,
    CertificateAuthority,
    Cluster,
    ClusterEndpoints,
    ClusterOptions,
    UpstreamTls,
)
from xds import codec
from xds.codec import schema
from xds.resource import CLUSTER, ENDPOINTS, SECRET, Resource, resource
from xds.translate.sockets import ADS, address, mark_option

ORIGINAL_DST = "original_dst"
"""The cluster that connects to where the client wanted to go."""
CONNECT_TIMEOUT = 5.0
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_PROXY = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
_RAW = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_DNS = "envoy.extensions.clusters.dns.v3.DnsCluster"
_POLICIES: dict[Balance, schema.LbPolicy] = {
    "round_robin": "ROUND_ROBIN",
    "least_request": "LEAST_REQUEST",
    "random": "RANDOM",
    "ring_hash": "RING_HASH",
    "maglev": "MAGLEV",
}
_KEEPALIVE: schema.TcpKeepalive = {
    "keepalive_time": {"value": 60},
    "keepalive_interval": {"value": 15},
    "keepalive_probes": {"value": 4},
}
"""So that an endpoint that vanished does not hold a connection for hours."""


def cluster(item: Cluster) -> Resource:
    """Return a cluster; the endpoints of a Service come by EDS under the Service's name."""
    options = item.options
    made = schema.Cluster(
        name=item.name,
        lb_policy=_POLICIES[options.balance],
        connect_timeout=codec.duration(options.connect_timeout_s),
        upstream_bind_config={"socket_options": [mark_option(marks.FROM_INGRESS)]},
        upstream_connection_options={"tcp_keepalive": _KEEPALIVE},
    )
    if item.dns is None:
        made["type"] = "EDS"
        made["eds_cluster_config"] = {"eds_config": ADS, "service_name": item.service}
    else:
        _resolved_by_dns(made, item.name, *item.dns)
    _limit(made, options)
    if options.protocol == "http2":
        spoken = schema.HttpHttpProtocolOptions(explicit_http_config={"http2_protocol_options": {}})
        made["typed_extension_protocol_options"] = {
            _HTTP_OPTIONS: codec.any_of(_HTTP_OPTIONS, spoken)
        }
    transport = _transport(options)
    if transport is not None:
        made["transport_socket"] = transport
    return resource(CLUSTER, item.name, made, (item.origin,))


def _resolved_by_dns(made: schema.Cluster, name: str, host: str, port: int) -> None:
    found = schema.DnsCluster(
        dns_lookup_family="V4_PREFERRED",
        respect_dns_ttl=True,
    )
    made["cluster_type"] = {"name": "envoy.clusters.dns", "typed_config": codec.any_of(_DNS, found)}
    made["load_assignment"] = {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, port)}}]}],
    }


def _limit(made: schema.Cluster, options: ClusterOptions) -> None:
    thresholds: schema.Thresholds = {}
    if options.max_connections:
        thresholds["max_connections"] = {"value": options.max_connections}
    if options.max_pending_requests:
        thresholds["max_pending_requests"] = {"value": options.max_pending_requests}
    if options.max_requests:
        thresholds["max_requests"] = {"value": options.max_requests}
    if options.max_retries:
        thresholds["max_retries"] = {"value": options.max_retries}
    if thresholds:
        made["circuit_breakers"] = {"thresholds": [thresholds]}
    if options.eject_after_errors:
        made["outlier_detection"] = {"consecutive_5xx": {"value": options.eject_after_errors}}


def _transport(options: ClusterOptions) -> schema.TransportSocket | None:
    plain: schema.TransportSocket | None = None
    if options.tls is not None:
        alpn = "h2" if options.protocol == "http2" else "http/1.1"
        plain = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": codec.any_of(_TLS, _tls(options.tls, alpn)),
        }
    if not options.proxy_protocol:
        return plain
    raw: schema.TransportSocket = {
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": codec.any_of(_RAW, {}),
    }
    header: schema.ProxyProtocolUpstreamTransport = {
        "config": {"version": "V1" if options.proxy_protocol == 1 else "V2"},
        "transport_socket": plain or raw,
    }
    return {
        "name": "envoy.transport_sockets.upstream_proxy_protocol",
        "typed_config": codec.any_of(_PROXY, header),
    }


def _tls(tls: UpstreamTls, alpn: str) -> schema.UpstreamTlsContext:
    common: schema.CommonTlsContext = {"alpn_protocols": [alpn]}
    if tls.certificate:
        common["tls_certificate_sds_secret_configs"] = [
            {"name": tls.certificate, "sds_config": ADS}
        ]
    if tls.authority:
        checked: schema.CertificateValidationContext = {}
        if tls.server_name:
            checked["match_typed_subject_alt_names"] = [
                {"san_type": "DNS", "matcher": {"exact": tls.server_name, "ignore_case": True}}
            ]
        if tls.authority == SYSTEM:
            checked["trusted_ca"] = {"filename": SYSTEM_AUTHORITIES}
            common["validation_context"] = checked
        else:
            common["combined_validation_context"] = {
                "default_validation_context": checked,
                "validation_context_sds_secret_config": {
                    "name": tls.authority,
                    "sds_config": ADS,
                },
            }
    return {"common_tls_context": common, "sni": tls.server_name}


def original_dst_cluster() -> Resource:
    """Return the cluster of every L7 listener; it speaks upstream what the client speaks."""
    options = schema.HttpHttpProtocolOptions(
        use_downstream_protocol_config={"http_protocol_options": {}, "http2_protocol_options": {}}
    )
    made = schema.Cluster(
        name=ORIGINAL_DST,
        type="ORIGINAL_DST",
        lb_policy="CLUSTER_PROVIDED",
        connect_timeout=codec.duration(CONNECT_TIMEOUT),
        typed_extension_protocol_options={_HTTP_OPTIONS: codec.any_of(_HTTP_OPTIONS, options)},
    )
    return resource(CLUSTER, ORIGINAL_DST, made)


def endpoints(item: ClusterEndpoints) -> Resource:
    """Return the load assignment of a cluster; an empty one is one locality without endpoints."""
    lb_endpoints: list[schema.LbEndpoint] = [
        {"endpoint": {"address": address(host, port)}} for host, port in item.endpoints
    ]
    made = schema.ClusterLoadAssignment(
        cluster_name=item.cluster, endpoints=[{"lb_endpoints": lb_endpoints}]
    )
    return resource(ENDPOINTS, item.cluster, made)


def certificate(item: Certificate) -> Resource:
    """Return a certificate and its key as a secret."""
    made = schema.Secret(
        name=item.name,
        tls_certificate={
            "certificate_chain": {"inline_bytes": item.chain},
            "private_key": {"inline_bytes": item.private_key},
        },
    )
    return resource(SECRET, item.name, made, (item.origin,))


def authority(item: CertificateAuthority) -> Resource:
    """Return whose signatures are believed as a secret."""
    context: schema.CertificateValidationContext = {
        "trusted_ca": {"inline_bytes": item.certificates}
    }
    if item.revoked:
        context["crl"] = {"inline_bytes": item.revoked}
    made = schema.Secret(name=item.name, validation_context=context)
    return resource(SECRET, item.name, made, (item.origin,))
