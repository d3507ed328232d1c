"""How connections are followed: states, floods, collection, and datagrams whose backend is gone."""

from __future__ import annotations

import time

import pytest

from bpf import inspect, maps, tracking
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import GATE, Node, ingress, wait_until
from tests.kernel.test_outside import node_port, pod_that_serves

ORIGIN = ObjectRef("Service", "test", "dns")


def states(node: Node) -> set[object]:
    return {row["state"] for row in inspect.connections(node.bpf_dir)}


def test_a_connection_goes_through_its_states_and_is_collected(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.allow(client)
    node.allow(server, ingress(client, 80), ingress=True)
    holder = node.spawn(client.netns, "hold", server.address, "80")
    assert states(node) == {"established"}
    rows = inspect.connections(node.bpf_dir)
    assert all(int(str(row["packets"])) > 2 and int(str(row["bytes"])) > 100 for row in rows)
    later = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 3600 * 10**9
    assert sum(tracking.collect(node.datapath._maps, later).values()) == 0
    holder.terminate()
    wait_until(lambda: states(node) == {"closing"})
    assert sum(node.datapath.collect().values()) == 0
    assert tracking.collect(node.datapath._maps, later)[maps.CT.name] == 2
    assert inspect.connections(node.bpf_dir) == []


@pytest.mark.parametrize("answered", [False, True], ids=["into nothing", "refused"])
def test_a_flood_of_openings_leaves_connections_alone(node: Node, answered: bool) -> None:
    """More openings than the maps hold, each from another port or to one."""
    client, server, target = node.add_pod(), node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    for pod in (client, server, target):
        node.allow(pod)
    if not answered:
        client.node.ask(target.netns, "shell", "ip link set eth0 down")
    holder = node.spawn(client.netns, "hold", server.address, "80")
    table = maps.CT if answered else maps.OPENING
    client.ask("syn_flood", target.address, "81", str(table.entries + 10_000))
    rows = inspect.connections(node.bpf_dir)
    assert len(rows) > table.entries // 2, "the flood was tracked"
    lived = [row for row in rows if server.address in (row["source"], row["destination"])]
    assert {row["state"] for row in lived} == {"established"}
    assert len(lived) == 2
    assert holder.poll() is None


def test_datagrams_leave_a_backend_that_is_gone(node: Node) -> None:
    node.open_world()
    first, second = pod_that_serves(node), pod_that_serves(node)
    node_port(node, first, port=30053, protocol="UDP", target=5353)
    visitor = node.spawn(node.outside, "udp_hold", GATE, "30053")
    assert {row["new_destination"] for row in translated(node)} == {f"{first.address}:5353"}
    node_port(node, second, port=30053, protocol="UDP", target=5353)
    wait_until(
        lambda: {row["new_destination"] for row in translated(node)} == {f"{second.address}:5353"}
    )
    assert visitor.poll() is None


def translated(node: Node) -> list[dict[str, object]]:
    return [row for row in inspect.translations(node.bpf_dir) if row["hook"] == "device in"]


def test_established_connections_outlive_their_backends_withdrawal(node: Node) -> None:
    node.open_world()
    first, second = pod_that_serves(node), pod_that_serves(node)
    node_port(node, first)
    holder = node.spawn(node.outside, "hold", GATE, "30080")
    node_port(node, second)  # the first terminates: it gets no new connections
    time.sleep(0.3)
    assert holder.poll() is None
    assert node.ask_from_outside("tcp", GATE, "30080").startswith("server")
    kept = {row["new_destination"] for row in translated(node)}
    assert kept == {f"{first.address}:8080", f"{second.address}:8080"}
    front = Frontend(GATE, 30080, "TCP", "external")
    node.datapath.put_service(LoadBalancer(front, (), ORIGIN, "NodePort"))
    time.sleep(0.3)
    assert holder.poll() is None
