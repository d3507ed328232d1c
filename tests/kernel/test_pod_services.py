"""Services resolved at the pod's device, where its sockets do not.

Such are sockets of other control groups, and those of pods whose sidecar must see the Service.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bpf import inspect
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import PEERS, Node, Pod, egress, ingress

ORIGIN = ObjectRef("Service", "test", "web")
SERVICE, SERVICE6 = "10.98.0.10", "fd98::10"
FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])


def ask(pod: Pod, *arguments: str) -> str:
    """Ask from a process beyond the control group whose sockets know Services."""
    command = ["nsenter", f"--net=/run/netns/{pod.netns}", sys.executable, str(PEERS)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def serve(node: Node, server: Pod) -> None:
    server.serve("tcp_server", "8080")
    server.serve("udp_server", "5353")
    for address, backend in zip((SERVICE, SERVICE6), server.addresses, strict=True):
        for port, protocol, target in ((80, "TCP", 8080), (53, "UDP", 5353)):
            front = Frontend(address, port, protocol)  # type: ignore[arg-type]
            node.datapath.put_service(LoadBalancer(front, ((backend, target),), ORIGIN))
        node.datapath.put_service(LoadBalancer(Frontend(address, 81, "TCP"), (), ORIGIN))
        node.datapath.put_service(
            LoadBalancer(Frontend(address, 82, "TCP"), (), ORIGIN, silent=True)
        )


@FAMILIES
@pytest.mark.parametrize("fast", [True, False], ids=["direct", "by the stack"])
def test_a_service_is_resolved_and_its_answers_bear_its_address(
    node: Node, ipv6: bool, fast: bool
) -> None:
    node.restart(fast_path=fast)
    client, server = node.add_pod(), node.add_pod()
    serve(node, server)
    node.allow(client)
    node.allow(server, ingress(client, 8080), ingress(client, 5353, 17), ingress=True)
    address, own = (SERVICE6, client.address6) if ipv6 else (SERVICE, client.address)
    assert ask(client, "tcp", address, "80") == f"server {own} peer={address}"
    assert ask(client, "udp", address, "53") == f"10 from {address}:53"
    assert ask(client, "udp", address, "53", "4000") == f"4000 from {address}:53"
    assert ask(client, "tcp", address, "81") == "failed ConnectionRefusedError"
    assert ask(client, "tcp", address, "82") == "failed TimeoutError"
    node.allow(server, ingress(client, 8081), ingress=True)
    assert ask(client, "tcp", address, "80") == "failed TimeoutError"


@FAMILIES
def test_a_proxy_answers_in_the_name_of_the_service(node: Node, ipv6: bool) -> None:
    client, server = node.add_pod(), node.add_pod()
    serve(node, server)
    node.spawn(node.name, "proxy", "15001")
    node.datapath.set_proxy_ports({(1, 0): 15001})
    node.allow(server)
    rule = egress(server, 8080, verdict="redirect", rule_set="r")
    node.allow(client, rule, egress=True, classes={"r": 1})
    address, own = (SERVICE6, client.address6) if ipv6 else (SERVICE, client.address)
    assert ask(client, "tcp", address, "80") == f"via 15001 server {own} peer={address}"


def test_sidecars_keep_the_service_address(node: Node) -> None:
    node.restart(socket_lb_host_only=True)
    client, server = node.add_pod(), node.add_pod()
    serve(node, server)
    node.allow(client)
    node.allow(server)
    # The pod's own sockets are in the control group, yet its packets bear the Service's address.
    assert client.ask("tcp", SERVICE, "80") == f"server {client.address} peer={SERVICE}"
    hooks = {row["hook"] for row in inspect.translations(node.bpf_dir)}
    assert hooks == {"pod out", "pod in"}
    assert node.ask_from_host("tcp", SERVICE, "80").endswith(f"peer={SERVICE}")


def test_pods_of_a_node_meet_without_its_stack(node: Node) -> None:
    """A packet that the stack forwards is counted by it; on the direct way none is."""
    client, server = node.add_pod(), node.add_pod()
    server.serve("tcp_server", "80")
    node.allow(client)
    node.allow(server, ingress(client, 80), ingress=True)

    def forwarded() -> int:
        rows = Path("/proc/thread-self/net/snmp").read_text().splitlines()
        names, values = [row.split() for row in rows if row.startswith("Ip:")]
        return int(values[names.index("ForwDatagrams")])

    before = forwarded()
    assert client.ask("tcp", server.address, "80").startswith("server")
    assert forwarded() == before
    node.restart(fast_path=False)
    assert client.ask("tcp", server.address, "80").startswith("server")
    assert forwarded() > before
