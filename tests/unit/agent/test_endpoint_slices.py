from dataclasses import replace
from typing import Any

import pytest

from agent.endpoint_slices import derive_slices
from lockgate.model.service import EndpointPort, Service, ServicePort, SliceEndpoint
from lockgate.model.workload import Container, ContainerPort, Pod

SERVICE = Service(
    "shop",
    "web",
    ports=(ServicePort("http", 80, "http"), ServicePort("dns", 53, 5353, "UDP")),
    selector=(("app", "web"),),
)


def pod(name: str, addresses: str = "10.0.0.2", port: int = 8080, **changes: str) -> Pod:
    container = Container("main", ports=(ContainerPort("http", port),))
    labels = (("app", changes.get("app", "web")), ("tier", "x"))
    return Pod(
        changes.get("namespace", "shop"),
        name,
        labels,
        "",
        (container,),
        addresses=tuple(addresses.split()),
    )


def test_named_and_numbered_ports_are_resolved():
    (found,) = derive_slices(SERVICE, [pod("a")], {"shop/a": True})
    assert (found.name, found.service) == ("web-0", "web")
    assert found.ports == (EndpointPort("http", 8080), EndpointPort("dns", 5353, "UDP"))
    assert found.endpoints == (SliceEndpoint(("10.0.0.2",), target="a"),)


def test_only_selected_pods_with_an_address_count():
    pods = [pod("a", ""), pod("b", app="api"), pod("c", namespace="other")]
    assert derive_slices(SERVICE, pods, {}) == ()
    assert derive_slices(Service("shop", "web"), [pod("a")], {}) == ()


def test_readiness_and_termination():
    pods = [pod(name, f"10.0.0.{number}") for number, name in enumerate("abc", 2)]
    (found,) = derive_slices(SERVICE, pods, {"shop/a": True, "shop/b": True}, {"shop/b"})
    conditions = [(row.ready, row.serving, row.terminating) for row in found.endpoints]
    assert conditions == [(True, True, False), (False, True, True), (False, False, False)]


def test_pods_that_resolve_a_name_differently_stand_apart():
    pods = [pod("a"), pod("b", "10.0.0.3", 9090)]
    found = derive_slices(SERVICE, pods, {})
    assert [row.ports[0].port for row in found] == [8080, 9090]


def test_a_hundred_endpoints_fill_a_slice_whatever_their_order():
    pods = [pod(f"p{number:03}", f"10.0.1.{number}") for number in range(101)]
    found = derive_slices(SERVICE, pods, {})
    assert [len(row.endpoints) for row in found] == [100, 1]
    assert derive_slices(SERVICE, reversed(pods), {}) == found


@pytest.mark.parametrize(
    ("changes", "families"),
    [
        ({"cluster_ip": "10.9.0.2"}, ["IPv4"]),
        ({"cluster_ip": "fd09::2"}, ["IPv6"]),
        ({"cluster_ip": "10.9.0.2", "second_cluster_ip": "fd09::2"}, ["IPv4", "IPv6"]),
        ({"cluster_ip": None}, ["IPv4"]),
        ({"cluster_ip": None, "ip_families": ("IPv6",)}, ["IPv6"]),
        ({"cluster_ip": None, "ip_family_policy": "PreferDualStack"}, ["IPv4", "IPv6"]),
    ],
)
def test_there_are_slices_of_each_family_that_the_service_has(
    changes: dict[str, Any], families: list[str]
):
    pods = [pod("a", "10.0.0.2 fd00::2"), pod("b", "fd00::3 10.0.0.3"), pod("c", "10.0.0.4")]
    held = {"IPv4": ["10.0.0.2", "10.0.0.3", "10.0.0.4"], "IPv6": ["fd00::2", "fd00::3"]}
    found = derive_slices(replace(SERVICE, **changes), pods, {})
    assert {
        row.address_type: [one for entry in row.endpoints for one in entry.addresses]
        for row in found
    } == {family: held[family] for family in families}
    assert len({row.name for row in found}) == len(found)
