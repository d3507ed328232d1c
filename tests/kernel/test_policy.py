"""Who may talk to whom, by real packets."""

from __future__ import annotations

from bpf.events import Verdict
from tests.kernel.conftest import HOST_ADDRESS, Node, egress, ingress


def test_a_pod_without_policy_set_is_closed(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.allow(client)
    assert client.ask("tcp", server.address, "80") == "failed TimeoutError"


def test_unenforced_pods_talk(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    node.allow(client)
    node.allow(server)
    server.serve("tcp_server", "80")
    assert client.ask("tcp", server.address, "80").startswith(f"server {client.address}")


def test_ingress_by_identity_and_port(node: Node) -> None:
    friend, stranger, server = node.add_pod(), node.add_pod(), node.add_pod()
    node.allow(friend)
    node.allow(stranger)
    node.allow(server, ingress(friend, 80), ingress(friend, 53, 17), ingress=True)
    for port in ("80", "81"):
        server.serve("tcp_server", port)
    server.serve("udp_server", "53")
    assert friend.ask("tcp", server.address, "80").startswith("server")
    assert friend.ask("tcp", server.address, "81") == "failed TimeoutError"
    assert stranger.ask("tcp", server.address, "80") == "failed TimeoutError"
    assert friend.ask("udp", server.address, "53") == f"10 from {server.address}:53"
    assert friend.ask("udp", server.address, "53", "9000") == f"9000 from {server.address}:53"
    assert stranger.ask("udp", server.address, "53") == "failed TimeoutError"
    assert node.ask_from_host("tcp", server.address, "80").startswith(f"server {HOST_ADDRESS}")


def test_egress_by_identity(node: Node) -> None:
    client, server, other = node.add_pod(), node.add_pod(), node.add_pod()
    node.allow(client, egress(server, 80), egress=True, ingress=True)
    for pod in (server, other):
        node.allow(pod)
        pod.serve("tcp_server", "80")
    assert client.ask("tcp", server.address, "80").startswith("server")
    assert client.ask("tcp", other.address, "80") == "failed TimeoutError"


def test_deny_wins_where_the_more_specific_entry_says_so(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    node.allow(client)
    node.allow(server, ingress(0), ingress(client, 81, verdict="deny"), ingress(client))
    for port in ("80", "81"):
        server.serve("tcp_server", port)
    assert client.ask("tcp", server.address, "80").startswith("server")
    assert client.ask("tcp", server.address, "81") == "failed TimeoutError"


def test_a_forbidden_connection_is_cut_and_others_stay(node: Node) -> None:
    cut, kept, server = node.add_pod(), node.add_pod(), node.add_pod()
    for pod in (cut, kept):
        node.allow(pod)
    node.allow(server, ingress(cut, 80), ingress(kept, 80), ingress=True)
    server.serve("tcp_server", "80")
    first = node.spawn(cut.netns, "hold", server.address, "80")
    second = node.spawn(kept.netns, "hold", server.address, "80")
    node.allow(server, ingress(kept, 80), ingress=True)
    assert first.wait(timeout=30) != 0
    assert second.poll() is None


def test_verdicts_are_reported(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    node.allow(client)
    node.allow(server, ingress(client, 80), ingress=True)
    server.serve("tcp_server", "80")
    seen: list[Verdict] = []
    node.datapath.events(seen.append)
    client.ask("tcp", server.address, "80")
    client.ask("tcp", server.address, "99")
    while node.datapath.poll(100):
        pass
    got = {(e.direction, e.verdict, e.destination_port, e.source_identity) for e in seen}
    assert ("ingress", "forwarded", 80, client.identity) in got
    assert ("egress", "dropped", 99, client.identity) in got
