"""What policies of one IP family mean where endpoints have addresses of both."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.cli.trace import engine_over_rows
from lockgate.policy.engine import PolicyEngine, answer
from lockgate.policy.trace import Question
from lockgate.sources.parse import parse

SERVER, CLIENT = ("10.77.0.2", "fd77::2"), ("fd77::3", "10.77.0.3")
WORLD, WORLD6 = "192.0.2.7", "2001:db8::7"


def pod(name: str, *addresses: str) -> dict[str, Any]:
    status = {"podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c"}]}, "status": status,
    }  # fmt: skip


def lockgate(*rules: dict[str, Any]) -> dict[str, Any]:
    spec = {"endpointSelector": {"matchLabels": {"app": "server"}}, "ingress": list(rules)}
    return {
        "apiVersion": "lockgate.io/v1", "kind": "LockgateNetworkPolicy",
        "metadata": {"name": "server"}, "spec": spec,
    }  # fmt: skip


def block(*peers: dict[str, Any]) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "server"}}
    spec = {"podSelector": selector, "ingress": [{"from": [{"ipBlock": one} for one in peers]}]}
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "server"}, "spec": spec,
    }  # fmt: skip


def node(*addresses: str) -> dict[str, Any]:
    status = {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": status}


def engine(*documents: dict[str, Any]) -> PolicyEngine:
    everything = [pod("server", *SERVER), pod("client", *CLIENT), *documents]
    read = [parse(document) for document in everything]
    assert not any(problems for _, _, problems in read)
    return engine_over_rows([row for _, rows, _ in read for row in rows])


def passes(made: PolicyEngine, source: str, port: int = 80, protocol: str = "TCP") -> bool:
    found = answer(made, source, "default/server", Question(port, protocol))
    return found.outcome == "allow"


@pytest.mark.parametrize(
    ("entities", "allowed"),
    [
        (["world"], {WORLD, WORLD6, "world", "world-ipv4", "world-ipv6"}),
        (["world-ipv4"], {WORLD, "world-ipv4"}),
        (["world-ipv6"], {WORLD6, "world-ipv6"}),
        (["world-ipv4", "world-ipv6"], {WORLD, WORLD6, "world-ipv4", "world-ipv6"}),
    ],
)
def test_the_world_of_an_ip_version_is_told_from_the_other(
    entities: list[str], allowed: set[str]
) -> None:
    made = engine(lockgate({"fromEntities": entities}))
    asked = {WORLD, WORLD6, "world", "world-ipv4", "world-ipv6", "default/client", *CLIENT}
    assert {source for source in asked if passes(made, source)} == allowed


def test_a_narrower_block_is_of_its_world_too() -> None:
    made = engine(lockgate({"fromEntities": ["world-ipv6"]}, {"fromCIDR": ["2001:db8::/32"]}))
    made_less = engine(lockgate({"fromCIDRSet": [{"cidr": "::/0", "except": ["2001:db8::/32"]}]}))
    assert passes(made, WORLD6)
    assert passes(made_less, "2001:db9::1")
    assert not passes(made_less, WORLD6)


@pytest.mark.parametrize("name", ["default/client", "FD77::3", *CLIENT])
def test_a_pod_is_known_by_any_of_its_addresses(name: str) -> None:
    made = engine(lockgate({"fromEndpoints": [{"matchLabels": {"app": "client"}}]}))
    assert passes(made, name)
    assert not passes(made, "fd77::4")


@pytest.mark.parametrize(
    ("peer", "held"),
    [
        ({"cidr": "fd77::/64"}, True),
        ({"cidr": "10.77.0.0/24"}, True),
        ({"cidr": "fd77::/64", "except": ["fd77::/126"]}, False),
        ({"cidr": "fd78::/64"}, False),
    ],
)
def test_a_pod_is_in_a_block_by_an_address_of_either_family(
    peer: dict[str, Any], held: bool
) -> None:
    assert passes(engine(block(peer)), "default/client") is held


def test_messages_of_icmp_are_told_from_those_of_icmpv6() -> None:
    made = engine(lockgate({"icmps": [{"fields": [{"family": "IPv6", "type": "EchoRequest"}]}]}))
    assert passes(made, WORLD6, 128, "ICMPV6")
    assert not passes(made, WORLD6, 129, "ICMPV6")
    assert not passes(made, WORLD, 128, "ICMP")


def test_a_node_is_known_by_addresses_of_both_families() -> None:
    made = engine(node("192.0.2.1", "2001:DB8::1"), lockgate({"fromEntities": ["remote-node"]}))
    assert passes(made, "192.0.2.1")
    assert passes(made, "2001:db8::1")
    assert not passes(made, "2001:db8::2")
    assert set(made.cidr_identities) == {"192.0.2.1/32", "2001:db8::1/128"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (pod("p", "10.0.0.1", "10.0.0.2"), "status.podIPs"),
        (pod("p", "10.0.0.1", "fd00::x"), "status.podIPs[1].ip"),
        (node("10.0.0.1", "x"), "status.addresses[1].address"),
    ],
)
def test_addresses_that_cannot_be_are_refused(document: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in parse(document)[2]] == [field]
