"""Clients outside of the node: Services for them, and pods that reach the world."""

from __future__ import annotations

import pytest

from bpf import inspect
from lockgate.ir.node import EndpointPolicy, Frontend, LoadBalancer, PolicyEntry
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import (
    GATE,
    GATE6,
    VISITOR,
    VISITOR6,
    Node,
    Pod,
    ingress,
)

ORIGIN = ObjectRef("Service", "test", "web")
FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
HOST_ENDPOINT = 4000


def node_port(
    node: Node,
    *pods: Pod,
    port: int = 30080,
    protocol: str = "TCP",
    target: int = 8080,
    **more: object,
) -> None:
    """Serve a node port on both addresses of the node, for clients outside."""
    for gate, family in ((GATE, 0), (GATE6, 1)):
        backends = tuple(sorted((pod.addresses[family], target) for pod in pods))
        front = Frontend(gate, port, protocol, "external")  # type: ignore[arg-type]
        node.datapath.put_service(
            LoadBalancer(front, backends, ORIGIN, "NodePort", **more)  # type: ignore[arg-type]
        )


def pod_that_serves(node: Node) -> Pod:
    pod = node.add_pod()
    node.allow(pod)
    pod.serve("tcp_server", "8080")
    pod.serve("udp_server", "5353")
    return pod


@FAMILIES
def test_a_node_port_leads_to_a_pod_and_shows_the_client(node: Node, ipv6: bool) -> None:
    node.open_world()
    server = pod_that_serves(node)
    node_port(node, server)
    node_port(node, server, port=30053, protocol="UDP", target=5353)
    gate, visitor = (GATE6, VISITOR6) if ipv6 else (GATE, VISITOR)
    assert node.ask_from_outside("tcp", gate, "30080") == f"server {visitor} peer={gate}"
    assert node.ask_from_outside("udp", gate, "30053") == f"10 from {gate}:30053"
    assert node.ask_from_outside("udp", gate, "30053", "4000") == f"4000 from {gate}:30053"


@FAMILIES
def test_policy_of_the_pod_sees_the_client(node: Node, ipv6: bool) -> None:
    node.open_world()
    server = pod_that_serves(node)
    node_port(node, server)
    gate, visitor = (GATE6, VISITOR6) if ipv6 else (GATE, VISITOR)
    office = 1 << 24
    node.datapath.put_ipcache(f"{visitor}/{128 if ipv6 else 32}", office)
    node.allow(server, ingress(office, 8080), ingress=True)
    assert node.ask_from_outside("tcp", gate, "30080").startswith("server")
    node.allow(server, ingress(office, 8081), ingress=True)
    assert node.ask_from_outside("tcp", gate, "30080") == "failed TimeoutError"


@FAMILIES
def test_without_backends_clients_are_refused_or_left_alone(node: Node, ipv6: bool) -> None:
    node.open_world()
    gate = GATE6 if ipv6 else GATE
    node_port(node)
    node_port(node, port=30053, protocol="UDP")
    node_port(node, port=30081, silent=True)
    assert node.ask_from_outside("tcp", gate, "30080") == "failed ConnectionRefusedError"
    assert node.ask_from_outside("connected_udp", gate, "30053") == "failed ConnectionRefusedError"
    assert node.ask_from_outside("tcp", gate, "30081") == "failed TimeoutError"


@FAMILIES
def test_only_source_ranges_may_connect(node: Node, ipv6: bool) -> None:
    node.open_world()
    server = pod_that_serves(node)
    gate = GATE6 if ipv6 else GATE
    node_port(node, server, source_ranges=("203.0.113.0/24", "2001:db8:9::/48"))
    assert node.ask_from_outside("tcp", gate, "30080") == "failed TimeoutError"
    node_port(node, server, source_ranges=("192.0.2.0/24", "2001:db8:7::/48"))
    assert node.ask_from_outside("tcp", gate, "30080").startswith("server")


@FAMILIES
def test_a_backend_elsewhere_is_reached_in_the_nodes_name(node: Node, ipv6: bool) -> None:
    """The visitor's namespace stands for another node too: it serves at the same address."""
    node.open_world()
    gate, visitor = (GATE6, VISITOR6) if ipv6 else (GATE, VISITOR)
    node.serve_outside("tcp_server", "8080")
    node.serve_outside("udp_server", "5353")
    for port, protocol, target in ((30080, "TCP", 8080), (30053, "UDP", 5353)):
        front = Frontend(gate, port, protocol, "external")  # type: ignore[arg-type]
        node.datapath.put_service(LoadBalancer(front, ((visitor, target),), ORIGIN, "NodePort"))
    assert node.ask_from_outside("tcp", gate, "30080") == f"server {gate} peer={gate}"
    assert node.ask_from_outside("udp", gate, "30053") == f"10 from {gate}:30053"
    kinds = {row["hook"] for row in inspect.translations(node.bpf_dir)}
    assert kinds == {"device in"}


@FAMILIES
def test_affinity_keeps_a_client_at_its_backend(node: Node, ipv6: bool) -> None:
    node.open_world()
    first, second = pod_that_serves(node), pod_that_serves(node)
    gate = GATE6 if ipv6 else GATE
    node_port(node, first, second, affinity_s=60)
    for _ in range(6):
        assert node.ask_from_outside("tcp", gate, "30080").startswith("server")
    chosen = {
        row["new_destination"]
        for row in inspect.translations(node.bpf_dir)
        if row["hook"] == "device in"
    }
    assert len(chosen) == 1
    left = second if first.addresses[ipv6] in str(chosen) else first
    node_port(node, left, affinity_s=60)
    assert node.ask_from_outside("tcp", gate, "30080").startswith("server")


@FAMILIES
def test_pods_reach_the_world_in_the_nodes_name(node: Node, ipv6: bool) -> None:
    node.open_world(masquerade=True)
    client = node.add_pod()
    node.allow(client)
    gate, visitor = (GATE6, VISITOR6) if ipv6 else (GATE, VISITOR)
    node.serve_outside("tcp_server", "80")
    node.serve_outside("udp_server", "53")
    assert client.ask("tcp", visitor, "80") == f"server {gate} peer={visitor}"
    assert client.ask("udp", visitor, "53") == f"10 from {visitor}:53"
    assert client.ask("ping", visitor) == "answered"
    # The world's ICMP error finds its way back to the pod.
    assert client.ask("connected_udp", visitor, "54") == "failed ConnectionRefusedError"
    node.restart(devices=("lgw",), masquerade=True, unmasked=("192.0.2.0/24", "2001:db8:7::/64"))
    assert client.ask("tcp", visitor, "80") == f"server {client.addresses[ipv6]} peer={visitor}"


@FAMILIES
def test_the_hosts_own_policy_holds(node: Node, ipv6: bool) -> None:
    node.open_world()
    gate = GATE6 if ipv6 else GATE
    node.spawn(node.name, "tcp_server", "2222")
    assert node.ask_from_outside("tcp", gate, "2222").startswith("server")
    world = PolicyEntry("ingress", 2, 6, 2223, 16, "allow")
    policy = EndpointPolicy.of("host", 1, True, False, [world])
    node.datapath.set_host(HOST_ENDPOINT, policy)
    assert node.ask_from_outside("tcp", gate, "2222") == "failed TimeoutError"
    ssh = PolicyEntry("ingress", 2, 6, 2222, 16, "allow")
    node.datapath.set_host(HOST_ENDPOINT, EndpointPolicy.of("host", 1, True, False, [ssh]))
    assert node.ask_from_outside("tcp", gate, "2222").startswith("server")
    node.datapath.set_host(HOST_ENDPOINT, None)
    assert node.ask_from_outside("tcp", gate, "2222").startswith("server")


def test_a_node_port_cannot_be_bound(node: Node) -> None:
    node.open_world()
    assert node.ask_from_host("bind", "30080") == "bound"
    node_port(node)
    assert node.ask_from_host("bind", "30080") == "failed Address already in use"
    assert node.ask_from_host("bind", "30081") == "bound"
    for gate in (GATE, GATE6):
        node.datapath.delete_service(Frontend(gate, 30080, "TCP", "external"))
    assert node.ask_from_host("bind", "30080") == "bound"
