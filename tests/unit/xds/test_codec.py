"""The codec's schema is that of envoy-data-plane, and its bytes are the same."""

from __future__ import annotations

import datetime as dt

import envoy_data_plane.envoy.config.cluster.v3 as peer_cluster
import envoy_data_plane.envoy.config.core.v3 as peer_core
import envoy_data_plane.envoy.config.endpoint.v3 as peer_endpoint
import envoy_data_plane.envoy.config.listener.v3 as peer_listener
import envoy_data_plane.envoy.config.route.v3 as peer_route
import pytest

from lockgate.errors import XdsError
from lockgate.ir.http import Forward, PathMatch, Respond, Route, Share, VirtualHost
from lockgate.ir.proxy import HttpMatch, HttpRuleSet, IngressProxy, L7Listener, TlsHost
from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from xds import codec
from xds.codec import generate
from xds.resource import Resource
from xds.translate.clusters import cluster, endpoints, original_dst_cluster
from xds.translate.ingress.listeners import ingress_listeners
from xds.translate.ingress.routes import encode_host, joined_hosts
from xds.translate.listeners import l7_listener

REF = ObjectRef("Ingress", "shop", "web")


def test_descriptor_set_is_what_the_generator_writes() -> None:
    """The committed schema belongs to the installed envoy-data-plane."""
    made = generate.build_files().SerializeToString(deterministic=True)
    assert made == generate.OUTPUT.read_bytes()


def test_known_message_equals_peer() -> None:
    """A cluster built by hand in both codecs has the same content."""
    ours = codec.encode(
        "envoy.config.cluster.v3.Cluster",
        {
            "name": "c",
            "type": "EDS",
            "connect_timeout": codec.duration(0.25),
            "per_connection_buffer_limit_bytes": {"value": 5},
            "upstream_bind_config": {"socket_options": [{"level": 1, "name": 36, "int_value": 7}]},
        },
    )
    peer = peer_cluster.Cluster(
        name="c",
        type=peer_cluster.ClusterDiscoveryType.EDS,
        connect_timeout=dt.timedelta(milliseconds=250),
        per_connection_buffer_limit_bytes=5,
        upstream_bind_config=peer_core.BindConfig(
            socket_options=[peer_core.SocketOption(level=1, name=36, int_value=7)]
        ),
    )
    assert peer_cluster.Cluster.parse(ours) == peer
    assert codec.decode("envoy.config.cluster.v3.Cluster", bytes(peer)) == codec.decode(
        "envoy.config.cluster.v3.Cluster", ours
    )


def _translated() -> list[tuple[Resource, type]]:
    rules = HttpRuleSet("r", (HttpMatch("GET", "/a.*", "h"),))
    routes = (
        Route(PathMatch("prefix", "/a"), Forward((Share("c"),)), REF),
        Route(PathMatch("exact", "/"), Respond(404), REF),
    )
    proxy = IngressProxy(80, 443, (TlsHost("*", ("shop/tls",)),))
    listeners = [*ingress_listeners(proxy), l7_listener(L7Listener(1, "r", "r"), {"r": rules})]
    return [
        (cluster(Cluster("c", REF)), peer_cluster.Cluster),
        (original_dst_cluster(), peer_cluster.Cluster),
        (endpoints(ClusterEndpoints("c", (("10.0.0.1", 1),))), peer_endpoint.ClusterLoadAssignment),
        (
            joined_hosts("r", [encode_host(VirtualHost("*.a", routes))]),
            peer_route.RouteConfiguration,
        ),
        *((item, peer_listener.Listener) for item in listeners),
    ]


@pytest.mark.parametrize(("item", "peer"), _translated(), ids=lambda value: str(value)[:60])
def test_translated_resources_survive_the_peer_codec(item: Resource, peer: type) -> None:
    """envoy-data-plane reads what we wrote and writes the same content back."""
    wrapped = codec.decode("google.protobuf.Any", item.body)
    name = item.type_url.removeprefix(codec.TYPE_PREFIX)
    ours = codec.decode(name, wrapped.value)  # type: ignore[attr-defined]  # dynamic class
    again = bytes(peer.parse(wrapped.value))  # type: ignore[attr-defined]  # dynamic classes
    assert codec.decode(name, again) == ours


def test_wrong_field_is_our_failure() -> None:
    """A field that does not exist is named."""
    with pytest.raises(XdsError, match="nmae"):
        codec.encode("envoy.config.cluster.v3.Cluster", {"nmae": "c"})


def test_maps_are_encoded_in_one_order() -> None:
    """Insertion order of a map leaves no trace in the bytes."""
    name = "envoy.config.core.v3.Metadata"
    fields = {key: codec.build("google.protobuf.Struct", {}) for key in "abcdefgh"}
    forth = codec.encode(name, {"filter_metadata": fields})
    back = codec.encode(name, {"filter_metadata": dict(reversed(fields.items()))})
    assert forth == back
