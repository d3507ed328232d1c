"""The links of pods with an address of each IP family, as the CNI plugin makes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ipam import Ipam
from agent.network import (
    PodNetwork,
    create_netns,
    host_interface,
    netns_path,
    remove_netns,
    usable_prefixes,
)
from bpf import veth
from lockgate.ir.node import EndpointPolicy
from tests.kernel.conftest import Node, run

NAMES = ("lg-ds-a", "lg-ds-b")
PREFIXES = ("10.76.215.0/28", "fd76:215::/64")
Addresses = tuple[str, ...]


@pytest.fixture
def pods(node: Node) -> Iterator[dict[str, Addresses]]:
    """Yield the addresses of two attached namespaces, by name."""
    ipam, network = Ipam(PREFIXES), PodNetwork()
    made: dict[str, Addresses] = {}
    try:
        for name in NAMES:
            made[name] = ipam.allocate(name)
            network.attach(name, str(create_netns(name)), "eth0", made[name], f"test/{name}")
        yield made
    finally:
        for name in NAMES:
            network.detach(name)
            remove_netns(name)


def exchange(node: Node, pods: dict[str, Addresses]) -> None:
    """Have each pod of the two ask the other for what it sees, in both IP families."""
    client, server = NAMES
    for mine, theirs in zip(pods[client], pods[server], strict=True):
        answer = node.ask(client, "tcp", theirs, "80")
        assert answer == f"server {mine} peer={theirs}"


def test_pods_reach_each_other_and_the_host_by_routes_alone(
    node: Node, pods: dict[str, Addresses]
) -> None:
    for name in NAMES:
        node.spawn(name, "tcp_server", "80")
    exchange(node, pods)
    for theirs in pods[NAMES[1]]:
        assert node.ask_from_host("tcp", theirs, "80").startswith("server ")


def test_nothing_is_left_to_the_neighbour_protocols(node: Node, pods: dict[str, Addresses]) -> None:
    name = NAMES[0]
    forwarding = Path(f"/proc/sys/net/ipv6/conf/{host_interface(name)}/forwarding")
    assert forwarding.read_text() == "1\n"

    def learns() -> list[str]:
        folder = Path("/proc/sys/net/ipv6/conf/eth0")
        return [(folder / setting).read_text() for setting in ("accept_ra", "accept_dad")]

    assert veth.in_netns(str(netns_path(name)), learns) == ["0\n", "0\n"]
    shown = node.ask(name, "shell", "ip neigh show nud permanent")
    mac = veth.find_link(host_interface(name))
    assert mac is not None
    for gateway in ("169.254.1.1", "fe80::1"):
        assert f"{gateway} dev eth0 lladdr {mac.mac} " in shown


def test_a_second_attachment_changes_nothing_and_repairs_what_is_missing(
    node: Node, pods: dict[str, Addresses]
) -> None:
    name, network = NAMES[0], PodNetwork()
    where = (name, str(netns_path(name)), "eth0", pods[name])
    before = veth.inspect_peer(*where[1:3])
    assert network.check(*where) == ""
    network.attach(*where, f"test/{name}")
    assert veth.inspect_peer(*where[1:3]) == before

    run("ip", "-n", name, "-6", "route", "del", "default")
    assert "no default route by fe80::1" in network.check(*where)
    run("ip", "-n", name, "addr", "add", "fd76:215::99/128", "dev", "eth0", "nodad")
    assert "fd76:215::99" in network.check(*where)
    network.attach(*where, f"test/{name}")
    assert network.check(*where) == ""

    network.attach(*where[:3], pods[name][:1], f"test/{name}")
    assert network.check(*where[:3], pods[name][:1]) == ""


def test_a_host_without_ipv6_gives_pods_ipv4_alone_and_says_why(node: Node) -> None:
    assert usable_prefixes(PREFIXES) == (PREFIXES, "")
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    why = "net.ipv6.conf.default.disable_ipv6 is set"
    assert usable_prefixes(PREFIXES) == (PREFIXES[:1], why)
    assert usable_prefixes(PREFIXES[:1]) == (PREFIXES[:1], "")


def test_a_detached_pod_leaves_no_route(node: Node, pods: dict[str, Addresses]) -> None:
    def routes() -> str:
        return "\n".join(
            node.ask(node.name, "shell", f"ip {one} route show") for one in ("-4", "-6")
        )

    assert all(address in routes() for address in pods[NAMES[0]])
    PodNetwork().detach(NAMES[0])
    assert not any(f"{address} " in routes() for address in pods[NAMES[0]])


def test_attached_pods_reach_each_other_once_policy_lets_them(
    node: Node, pods: dict[str, Addresses]
) -> None:
    for number, name in enumerate(NAMES, 2):
        node.datapath.attach(host_interface(name), number, 1000 + number, pods[name])
        node.spawn(name, "tcp_server", "80")
    for theirs in pods[NAMES[1]]:
        assert node.ask(NAMES[0], "tcp", theirs, "80") == "failed TimeoutError"
    for number, name in enumerate(NAMES, 2):
        policy = EndpointPolicy.of(f"test/{name}", 1000 + number, False, False)
        node.datapath.set_endpoint(number, host_interface(name), pods[name], policy, {})
    exchange(node, pods)
