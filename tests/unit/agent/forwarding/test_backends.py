import pytest

from agent.forwarding.backends import Choice, NodeFacts, choose, local_ready
from agent.forwarding.balancers import service_balancers
from lockgate.model.service import (
    HEADLESS,
    EndpointPort,
    EndpointSlice,
    Service,
    ServicePort,
    SliceEndpoint,
)
from lockgate.sources.parse import parse

PORT = ServicePort("http", 80, 8080)
HERE = NodeFacts("a", "z1")
READY = (True, True, False)
ENDING = (False, True, True)
GONE = (False, False, True)
UNREADY = (False, False, False)


def end(
    number: int, state: tuple[bool, bool, bool] = READY, node: str = "b", **more: tuple[str, ...]
) -> SliceEndpoint:
    ready, serving, terminating = state
    address = f"10.0.0.{number}"
    return SliceEndpoint((address,), ready, serving, terminating, node=node, **more)


def slice_of(*endpoints: SliceEndpoint, family: str = "IPv4") -> EndpointSlice:
    return EndpointSlice("shop", "s", "web", family, (EndpointPort("http", 8080),), endpoints)


def numbers(choice: Choice) -> list[int]:
    return [int(address.rpartition(".")[2]) for address, _ in choice.backends]


@pytest.mark.parametrize(
    ("policy", "endpoints", "chosen", "silent"),
    [
        ("Cluster", [end(1), end(2, node="a")], [1, 2], False),
        ("Cluster", [end(1), end(2, ENDING)], [1], False),
        ("Cluster", [end(1, UNREADY), end(2, ENDING), end(3, GONE)], [2], False),
        ("Cluster", [end(1, UNREADY)], [], False),
        ("Local", [end(1), end(2, node="a")], [2], False),
        ("Local", [end(1), end(2, ENDING, "a"), end(3, UNREADY, "a")], [2], False),
        ("Local", [end(1, READY, "a"), end(2, ENDING, "a")], [1], False),
        ("Local", [end(1)], [], True),
        ("Local", [end(1, ENDING)], [], True),
        ("Local", [end(1, UNREADY), end(2, UNREADY, "a")], [], False),
        ("Local", [], [], False),
    ],
)
def test_traffic_policy_and_conditions_choose_endpoints(policy, endpoints, chosen, silent):
    found = choose([slice_of(*endpoints)], PORT, "IPv4", policy, HERE)
    assert (numbers(found), found.silent) == (chosen, silent)


@pytest.mark.parametrize(
    ("endpoints", "chosen"),
    [
        ([end(1, zones=("z1",)), end(2, zones=("z2",))], [1]),
        ([end(1, zones=("z1",)), end(2)], [1, 2]),
        ([end(1, zones=("z2",)), end(2, zones=("z3",))], [1, 2]),
        ([end(1, nodes=("a",)), end(2, nodes=("b",))], [1]),
        ([end(1, nodes=("a",)), end(2)], [1, 2]),
        ([end(1, nodes=("b",), zones=("z1",)), end(2, nodes=("c",), zones=("z2",))], [1]),
        ([end(1, zones=("z1",)), end(2, UNREADY)], [1]),
        ([end(1, ENDING, zones=("z2",)), end(2, ENDING)], [1, 2]),
    ],
)
def test_hints_count_only_if_all_ready_endpoints_have_them_and_one_names_us(endpoints, chosen):
    assert numbers(choose([slice_of(*endpoints)], PORT, "IPv4", "Cluster", HERE)) == chosen


def test_policy_local_passes_over_hints():
    hinted = [end(1, node="a", zones=("z2",)), end(2, zones=("z1",))]
    assert numbers(choose([slice_of(*hinted)], PORT, "IPv4", "Local", HERE)) == [1]


def test_a_node_without_a_zone_uses_every_endpoint():
    hinted = [end(1, zones=("z1",)), end(2, zones=("z2",))]
    assert numbers(choose([slice_of(*hinted)], PORT, "IPv4", "Cluster", NodeFacts("a"))) == [1, 2]


def test_the_other_family_serves_only_where_the_own_has_none():
    six = slice_of(SliceEndpoint(("fd00::1",), node="a"), family="IPv6")
    both = [slice_of(end(1)), six]
    assert numbers(choose(both, PORT, "IPv4", "Cluster", HERE)) == [1]
    assert choose(both, PORT, "IPv6", "Cluster", HERE).backends == (("fd00::1", 8080),)
    assert choose([six], PORT, "IPv4", "Cluster", HERE).backends == (("fd00::1", 8080),)
    assert choose(both, PORT, "IPv4", "Local", HERE) == Choice((("fd00::1", 8080),))


def test_health_counts_ready_endpoints_of_this_node_once():
    row = slice_of(end(1, node="a"), end(2, ENDING, "a"), end(3))
    assert local_ready([row, row], HERE) == 1


def test_slices_of_headless_services_are_no_backends():
    document = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "a"}],
    }  # fmt: skip
    service = Service("default", "web", cluster_ip="10.1.0.1", ports=(ServicePort("http", 80, 80),))
    for labels, backends in (({}, (("10.0.0.1", 8080),)), ({HEADLESS: ""}, ())):
        document["metadata"]["labels"] |= labels
        [row] = parse(document)[1]
        [balancer] = service_balancers(service, [row], HERE)
        assert balancer.backends == backends
        assert local_ready([row], HERE) == len(backends)
