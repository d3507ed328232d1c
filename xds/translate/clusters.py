"""Clusters, their endpoints, and certificates."""

from __future__ import annotations

from lockgate.ir import marks
from lockgate.ir.proxy import Certificate, Cluster, ClusterEndpoints
from xds import codec
from xds.codec import schema
from xds.resource import CLUSTER, ENDPOINTS, SECRET, Resource, resource
from xds.translate.sockets import ADS, address, mark_option

ORIGINAL_DST = "original_dst"
"""The cluster that connects to where the client wanted to go."""
CONNECT_TIMEOUT = 5.0
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def cluster(item: Cluster) -> Resource:
    """Return a cluster whose endpoints come by EDS under the same name."""
    made = schema.Cluster(
        name=item.name,
        type="EDS",
        eds_cluster_config={"eds_config": ADS},
        lb_policy="ROUND_ROBIN",
        connect_timeout=codec.duration(CONNECT_TIMEOUT),
        upstream_bind_config={"socket_options": [mark_option(marks.FROM_INGRESS)]},
    )
    return resource(CLUSTER, item.name, made, (item.origin,))


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
