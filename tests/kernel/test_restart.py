"""Programs and maps outlive their agent, and go when told."""

from __future__ import annotations

import subprocess
import sys

from bpf import inspect
from tests.kernel.conftest import Node, ingress

NEXT_AGENT = """
import sys
from pathlib import Path
from bpf.datapath import Datapath
bpf_dir, run_dir, cgroup, ifname, endpoint, identity, address = sys.argv[1:]
datapath = Datapath(Path(bpf_dir), Path(run_dir), Path(cgroup))
datapath.start()
datapath.attach(ifname, int(endpoint), int(identity), (address,))
"""


def test_another_process_adopts_while_traffic_flows(node: Node) -> None:
    client, stranger, server = node.add_pod(), node.add_pod(), node.add_pod()
    node.allow(client)
    node.allow(stranger)
    node.allow(server, ingress(client, 80), ingress=True)
    server.serve("tcp_server", "80")
    held = node.spawn(client.netns, "hold", server.address, "80")
    before = inspect.policy(node.bpf_dir)
    node.datapath.close()
    assert held.poll() is None
    arguments = (node.bpf_dir, node.run_dir, node.cgroup, server.ifname, server.number,
                 server.identity, server.address)  # fmt: skip
    subprocess.run([sys.executable, "-c", NEXT_AGENT, *map(str, arguments)], check=True)
    assert held.poll() is None
    assert inspect.policy(node.bpf_dir) == before
    assert client.ask("tcp", server.address, "80").startswith("server")
    assert stranger.ask("tcp", server.address, "80") == "failed TimeoutError"
    node.datapath = node.new_datapath()
    node.datapath.start()
    assert held.poll() is None


def test_maps_can_be_read(node: Node) -> None:
    client, server = node.add_pod(), node.add_pod()
    node.allow(client)
    node.allow(server, ingress(client, 80), ingress=True)
    server.serve("tcp_server", "80")
    client.ask("tcp", server.address, "80")
    assert {"cidr": f"{client.address}/32", "identity": client.identity} in inspect.ipcache(
        node.bpf_dir
    )
    assert [row["port"] for row in inspect.policy(node.bpf_dir, server.number)] == [80]
    assert len(inspect.endpoints(node.bpf_dir)) == 2
    found = inspect.connections(node.bpf_dir)
    assert {row["direction"] for row in found} == {"ingress", "egress"}
    assert any(row["reason"] == "forwarded" for row in inspect.metrics(node.bpf_dir))


def test_cleanup_leaves_nothing(node: Node) -> None:
    pod = node.add_pod()
    node.allow(pod)
    node.datapath.cleanup()
    assert not node.bpf_dir.exists()
    for command, absent in (
        ("ip rule", "2004"), ("ip link", "lg-hairpin"), (f"tc qdisc show dev {pod.ifname}", "clsact"),
        (f"bpftool cgroup show {node.cgroup}", "connect4"),
    ):  # fmt: skip
        shown = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
        assert absent not in shown
    node.datapath.start()
