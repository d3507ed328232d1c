"""What differs between our resources and Envoy's dump, by field."""

from __future__ import annotations

from typing import Any

from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from xds import codec
from xds.diff import Difference, differences
from xds.resource import ROUTES, Resource, resource
from xds.translate.clusters import cluster, endpoints

CLUSTER_A = cluster(Cluster("a", ObjectRef("Service", "shop", "a")))
ENDPOINTS_A = endpoints(ClusterEndpoints("a", (("10.0.0.1", 80),)))
HOST = {"name": "h", "domains": ["h"], "routes": [{"match": {"prefix": "/"}}]}
ROUTES_A = resource(ROUTES, "r", {"name": "r", "virtual_hosts": [HOST]})


def shown(item: Resource) -> Any:
    """Return a resource as a dump shows it."""
    return codec.as_fields(codec.decode("google.protobuf.Any", item.body))


def dump() -> Any:
    """Return a dump that holds all three."""
    return {
        "configs": [
            {"dynamic_active_clusters": [{"cluster": shown(CLUSTER_A)}]},
            {"dynamic_endpoint_configs": [{"endpoint_config": shown(ENDPOINTS_A)}]},
            {"dynamic_route_configs": [{"route_config": shown(ROUTES_A)}]},
        ]
    }


ALL = (CLUSTER_A, ENDPOINTS_A, ROUTES_A)


def test_equal_content_differs_in_nothing() -> None:
    assert differences(ALL, dump()) == []


def test_a_changed_field_is_named_with_both_values() -> None:
    held = dump()
    held["configs"][2]["dynamic_route_configs"][0]["route_config"]["virtual_hosts"][0]["routes"][0][
        "match"
    ]["prefix"] = "/other"
    held["configs"][0]["dynamic_active_clusters"][0]["cluster"]["alt_stat_name"] = "x"
    assert differences(ALL, held) == [
        Difference("Cluster", "a", "alt_stat_name", "", "x"),
        Difference(
            "RouteConfiguration", "r", "virtual_hosts[0].routes[0].match.prefix", "/", "/other"
        ),
    ]


def test_what_only_one_side_has() -> None:
    held = dump()
    del held["configs"][2]
    assert differences(ALL, held) == [Difference("RouteConfiguration", "r", "", "published", "")]
    assert differences(ALL[1:], dump()) == [Difference("Cluster", "a", "", "", "held")]


def test_what_envoy_adds_to_endpoints_is_no_difference() -> None:
    held = dump()
    group = held["configs"][1]["dynamic_endpoint_configs"][0]["endpoint_config"]["endpoints"][0]
    group["lb_endpoints"][0]["health_status"] = "HEALTHY"
    assert differences(ALL, held) == []
