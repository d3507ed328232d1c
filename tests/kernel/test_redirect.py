"""Redirection to a transparent proxy, from every side."""

from __future__ import annotations

import pytest

from tests.kernel.conftest import HOST_ADDRESS, Node, egress, ingress

CLASSES = {"out": 1, "in": 2}
PORTS = {(1, 0): 15001, (0, 2): 15002, (1, 2): 15003}


@pytest.fixture
def proxied(node: Node) -> Node:
    for port in PORTS.values():
        node.spawn(node.name, "proxy", str(port))
    node.datapath.set_proxy_ports(PORTS)
    return node


def test_each_pair_of_rules_has_its_listener(proxied: Node) -> None:
    plain, ruled, open_server, ruled_server = (proxied.add_pod() for _ in range(4))
    proxied.allow(plain)
    proxied.allow(ruled, egress(0, 80, verdict="redirect", rule_set="out"), egress=True,
                  classes=CLASSES)  # fmt: skip
    proxied.allow(open_server)
    proxied.allow(ruled_server, ingress(plain, 80, verdict="redirect", rule_set="in"),
                  ingress(ruled, 80, verdict="redirect", rule_set="in"), ingress=True,
                  classes=CLASSES)  # fmt: skip
    for pod in (open_server, ruled_server):
        pod.serve("tcp_server", "80")
    for client, server, port in (
        (ruled, open_server, 15001), (plain, ruled_server, 15002), (ruled, ruled_server, 15003),
    ):  # fmt: skip
        for _ in range(3):
            answer = client.ask("tcp", server.address, "80")
            assert answer.startswith(f"via {port}"), answer
        held = proxied.spawn(client.netns, "hold", server.address, "80")
        assert held.poll() is None
    assert not plain.ask("tcp", open_server.address, "80").startswith("via")


def test_the_ingress_proxy_is_hairpinned_and_the_host_is_not(proxied: Node) -> None:
    server = proxied.add_pod()
    proxied.allow(server, ingress(8, 80, verdict="redirect", rule_set="in"), ingress=True,
                  classes=CLASSES)  # fmt: skip
    server.serve("tcp_server", "80")
    answer = proxied.ask_from_host("marked_tcp", server.address, "80", "0xd00")
    assert answer.startswith("via 15002"), answer
    assert proxied.ask_from_host("tcp", server.address, "80").startswith(f"server {HOST_ADDRESS}")


def test_without_a_listener_nothing_passes(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    node.allow(client, egress(server, 80, verdict="redirect", rule_set="out"), egress=True,
               classes=CLASSES)  # fmt: skip
    node.allow(server)
    server.serve("tcp_server", "80")
    assert client.ask("tcp", server.address, "80") == "failed TimeoutError"
    node.datapath.set_proxy_ports(PORTS)
    assert client.ask("tcp", server.address, "80") == "failed TimeoutError"
