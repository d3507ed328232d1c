"""Policy, proxies and Services over IPv6, as over IPv4."""

from __future__ import annotations

from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import Node, egress, ingress

ORIGIN = ObjectRef("Service", "test", "web")
ICMP6 = 58


def test_pods_reach_each_other_by_policy(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.allow(client)
    node.allow(server, ingress(client, 80), ingress(client, 128, ICMP6), ingress=True)
    assert (
        client.ask("tcp", server.address6, "80")
        == f"server {client.address6} peer={server.address6}"
    )
    assert client.ask("ping", server.address6) == "answered"
    node.allow(server, ingress(client, 81), ingress=True)
    assert client.ask("tcp", server.address6, "80") == "failed TimeoutError"
    assert client.ask("ping", server.address6) == "failed"


def test_large_datagrams_come_in_pieces(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("udp_server", "53")
    node.allow(client)
    node.allow(server, ingress(client, 53, 17), ingress=True)
    for address in server.addresses:
        assert client.ask("udp", address, "53", "5000").startswith("5000 from")


def test_a_proxy_takes_connections_of_both_families(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.spawn(node.name, "proxy", "15001")
    node.datapath.set_proxy_ports({(1, 0): 15001})
    node.allow(server)
    rule = egress(server, 80, verdict="redirect", rule_set="r")
    node.allow(client, rule, egress=True, classes={"r": 1})
    for own, address in zip(client.addresses, server.addresses, strict=True):
        assert client.ask("tcp", address, "80") == f"via 15001 server {own} peer={address}"


def test_services_are_resolved_at_the_socket(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "8080")
    server.serve("udp_server", "5353")
    node.allow(client)
    node.allow(server)
    address = "fd98::10"
    node.datapath.put_service(
        LoadBalancer(Frontend(address, 80, "TCP"), ((server.address6, 8080),), ORIGIN)
    )
    node.datapath.put_service(
        LoadBalancer(Frontend(address, 53, "UDP"), ((server.address6, 5353),), ORIGIN)
    )
    node.datapath.put_service(LoadBalancer(Frontend(address, 81, "TCP"), (), ORIGIN))
    assert client.ask("tcp", address, "80") == f"server {client.address6} peer={address}"
    assert client.ask("udp", address, "53") == f"10 from {address}:53"
    assert client.ask("connected_udp", address, "53") == f"1 peer={address}"
    assert client.ask("tcp", address, "81") == "failed ConnectionRefusedError"


def test_a_pod_cannot_send_as_somebody_else(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.allow(client)
    node.allow(server)
    forged = "fd99:1::77"
    node.ask(client.netns, "shell", f"ip addr add {forged}/128 dev eth0 nodad")
    assert client.ask("tcp_as", forged, server.address6, "80") == "failed TimeoutError"
    assert client.ask("tcp_as", client.address6, server.address6, "80") != "failed TimeoutError"
