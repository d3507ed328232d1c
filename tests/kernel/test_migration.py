"""An agent takes over the maps of one with another schema, and connections go on."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bpf
from bpf import inspect, layouts, maps
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.model.meta import ObjectRef
from tests.kernel.conftest import VISITOR, Node, Pod, ingress

CLUSTER_IP = "10.78.0.20"
ORIGIN = ObjectRef("Service", "test", "web")
OPTIONS = {"devices": ("lgw",), "masquerade": True, "socket_lb_host_only": True}
START = f"""
import sys
from pathlib import Path
from bpf.datapath import Datapath, Options
bpf_dir, run_dir, cgroup = map(Path, sys.argv[1:])
datapath = Datapath(bpf_dir, run_dir, cgroup, Options(**{OPTIONS!r}))
datapath.start()
print(*datapath.lost, sep="\\n")
"""
FIELDS = (
    ("programs/datapath.h", "struct flow_value {\n    u64 seen;",
     "struct flow_value {\n    u64 opened; u32 owner; u64 seen;"),
    ("programs/datapath.h", "u64 revision; u64 packets; u64 bytes;", "u64 revision; u32 packets;"),
    ("programs/tracking.h", "value->bytes = skb->len;", ""),
    ("programs/tracking.h", "value->bytes += skb->len;", ""),
    ("programs/datapath.h", "struct nat_value {\n    u64 seen;",
     "struct nat_value {\n    u32 generation; u64 seen;"),
    ("programs/datapath.h", "struct address ipv4; struct address ipv6;\n};\nstruct endpoint_ip",
     "struct address ipv6; struct address ipv4; u32 zone;\n};\nstruct endpoint_ip"),
    ("maps.py", '_FLOW_VALUE: Final = "=QQQQIIHHBBBB"', '_FLOW_VALUE: Final = "=QI4xQQIIIHHBBBB4x"'),
    ("maps.py", '"=Q16s16s2s2sBBH", 262144', '"=I4xQ16s16s2s2sBBH", 262144'),
    ("maps.py", '"=IIII16s16s"', '"=IIII16s16sI"'),
)  # fmt: skip
"""What another schema has otherwise: fields that are new, gone, narrower or in another place."""
CAPACITIES = (
    ("maps.py", '"=Q16s16s2s2sBBH", 262144', '"=Q16s16s2s2sBBH", 131072'),
    ("maps.py", '"=BBH", 524288', '"=BBH", 65536'),
)


def other_agent(folder: Path, schema: str, changes: tuple[tuple[str, str, str], ...]) -> Path:
    """Make an agent of another version, and return where to import it from."""
    target = folder / f"agent-{schema}"
    shutil.copytree(Path(bpf.__file__).parent, target / "bpf")
    for name, old, new in (("maps.py", f'SCHEMA: Final = "{maps.SCHEMA}"',
                            f'SCHEMA: Final = "{schema}"'), *changes):  # fmt: skip
        path = target / "bpf" / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))
    texts = [(target / "bpf/programs" / name).read_text() for name in ("datapath.h", "packet.h")]
    size = layouts.records_of("\n".join(texts))["packet"].size
    path = target / "bpf/maps.py"
    path.write_text(re.sub(r'"=\d+s"(, \d, "", "packet")', rf'"={size}s"\1', path.read_text()))
    return target


def start_other(node: Node, agent: Path) -> str:
    """Start another version over what is there, as its own process; return what it lost."""
    done = subprocess.run(
        [sys.executable, "-c", START, node.bpf_dir, node.run_dir, node.cgroup],
        capture_output=True, text=True, check=False, cwd=agent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Traffic:
    """Connections by a ClusterIP and to the world, each by TCP and by datagrams."""

    def __init__(self, node: Node) -> None:
        self.node = node
        node.open_world(masquerade=True, socket_lb_host_only=True)
        self.client, self.server = node.add_pod(), node.add_pod()
        node.allow(self.client)
        node.allow(self.server, ingress(self.client, 8080), ingress(self.client, 5353, 17),
                   ingress=True)  # fmt: skip
        self.server.serve("tcp_server", "8080")
        self.server.serve("udp_server", "5353")
        node.serve_outside("tcp_server", "80")
        node.serve_outside("udp_server", "53")
        for port, protocol, target in ((80, "TCP", 8080), (53, "UDP", 5353)):
            front = Frontend(CLUSTER_IP, port, protocol)  # type: ignore[arg-type]
            backends = ((self.server.address, target),)
            node.datapath.put_service(LoadBalancer(front, backends, ORIGIN))
        self.held: list[subprocess.Popen[str]] = []
        self.steady: list[subprocess.Popen[str]] = []
        self.open()

    def open(self) -> None:
        """Begin connections that go on until asked."""
        for address in (CLUSTER_IP, VISITOR):
            netns = self.client.netns
            self.held.append(self.node.spawn(netns, "hold", address, "80"))
            self.steady.append(self.node.spawn(netns, "udp_steady", address, "53"))

    def check(self) -> None:
        """Every connection still transfers, and no datagram was lost."""
        assert [process.poll() for process in self.held] == [None] * len(self.held)
        for process in self.steady:
            process.terminate()
            assert process.stdout and process.stdout.readline() == "0\n"
        self.steady.clear()
        assert self.client.ask("tcp", CLUSTER_IP, "80").startswith("server")
        assert self.client.ask("tcp", VISITOR, "80").startswith("server")
        assert self.client.ask("tcp", self.server.address, "8081") == "failed TimeoutError"


@pytest.fixture
def traffic(node: Node) -> Traffic:
    return Traffic(node)


def schemas(node: Node) -> set[str]:
    return {path.name for path in node.bpf_dir.iterdir()}


@pytest.mark.parametrize("schema", ["v1", "v99"], ids=["older", "newer"])
def test_connections_outlive_another_schema_and_the_way_back(
    traffic: Traffic, tmp_path: Path, schema: str
) -> None:
    node = traffic.node
    tracked = len(inspect.connections(node.bpf_dir))
    agent = other_agent(tmp_path, schema, FIELDS)
    assert start_other(node, agent) == ""
    assert schemas(node) == {schema}
    traffic.check()
    traffic.open()
    node.restart(**OPTIONS)
    assert node.datapath.lost == ()
    assert schemas(node) == {maps.SCHEMA}
    assert [path.name for path in node.run_dir.glob("maps-*")] == [f"maps-{maps.SCHEMA}.json"]
    traffic.check()
    assert len(inspect.connections(node.bpf_dir)) >= tracked


def test_a_change_of_capacity_alone_is_taken_over(traffic: Traffic, tmp_path: Path) -> None:
    node = traffic.node
    policies = inspect.policy(node.bpf_dir)
    agent = other_agent(tmp_path, maps.SCHEMA, CAPACITIES)
    assert start_other(node, agent) == ""
    assert schemas(node) == {maps.SCHEMA}
    assert not maps.is_of_shape(node.bpf_dir / maps.SCHEMA / maps.NAT.name, maps.NAT)
    traffic.check()
    traffic.open()
    node.restart(**OPTIONS)
    assert maps.is_of_shape(node.bpf_dir / maps.SCHEMA / maps.NAT.name, maps.NAT)
    assert schemas(node) == {maps.SCHEMA}
    assert inspect.policy(node.bpf_dir) == policies
    traffic.check()


def reattach(node: Node, pod: Pod, *allowed: Pod) -> None:
    node.datapath.attach(pod.ifname, pod.number, pod.identity, pod.addresses)
    node.allow(pod, *(ingress(one, 8080) for one in allowed), ingress=bool(allowed))


def test_without_a_manifest_all_starts_afresh(traffic: Traffic, tmp_path: Path) -> None:
    node = traffic.node
    start_other(node, other_agent(tmp_path, "v1", FIELDS))
    (node.run_dir / "maps-v1.json").unlink()
    node.restart(**OPTIONS)
    assert node.datapath.lost == ("v1: it left no manifest of its maps",)
    assert schemas(node) == {maps.SCHEMA}
    assert inspect.connections(node.bpf_dir) == []
    for pod in (traffic.client, traffic.server):
        node.datapath.put_ipcache(f"{pod.address}/32", pod.identity)
    reattach(node, traffic.client)
    reattach(node, traffic.server, traffic.client)
    assert traffic.client.ask("tcp", traffic.server.address, "8080").startswith("server")
    assert traffic.client.ask("tcp", traffic.server.address, "8081") == "failed TimeoutError"


def test_an_interrupted_takeover_is_finished(traffic: Traffic, tmp_path: Path) -> None:
    """An agent that died between its first map and its last left both schemas behind."""
    node = traffic.node
    start_other(node, other_agent(tmp_path, "v1", FIELDS))
    unfinished = node.bpf_dir / maps.SCHEMA
    unfinished.mkdir()
    for name, table in maps.create_maps(unfinished, (maps.CT, maps.SERVICES)).items():
        assert not list(table.items()), name
        table.close()
    node.restart(**OPTIONS)
    assert schemas(node) == {maps.SCHEMA}
    traffic.check()
