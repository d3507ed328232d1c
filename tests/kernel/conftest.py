"""A node of network namespaces: the tests' process stands in the host's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import netns

from bpf.attach import find_cgroup_root
from bpf.datapath import Datapath, Options
from lockgate.ir.node import EndpointPolicy, PolicyEntry

PEERS = Path(__file__).parent / "peers.py"
HOST_ADDRESS, HOST_ADDRESS6 = "10.99.0.1", "fd99::1"
GATEWAY6 = "fe80::1"
GATE, GATE6 = "192.0.2.1", "2001:db8:7::1"
"""The node's addresses on its device to the world."""
VISITOR, VISITOR6 = "192.0.2.2", "2001:db8:7::2"


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Pod:
    """A namespace on a veth as a CNI plugin makes it."""

    node: Node
    number: int

    @property
    def address(self) -> str:
        return f"10.99.1.{self.number}"

    @property
    def address6(self) -> str:
        return f"fd99:1::{self.number:x}"

    @property
    def addresses(self) -> tuple[str, str]:
        return self.address, self.address6

    @property
    def netns(self) -> str:
        return f"{self.node.name}-p{self.number}"

    @property
    def ifname(self) -> str:
        return f"lg{os.getpid() % 0xFFFFF:06x}{self.number:02x}"

    @property
    def identity(self) -> int:
        return 1000 + self.number

    def create(self) -> None:
        netns.create(self.netns)
        run("ip", "link", "add", self.ifname, "type", "veth", "peer", "name", "eth0",
            "netns", self.netns)  # fmt: skip
        run("ip", "link", "set", self.ifname, "up")
        mac = Path(f"/sys/class/net/{self.ifname}/address")
        address = link_address(self.ifname) if not mac.exists() else mac.read_text().strip()
        inside = ["ip", "-n", self.netns]
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "addr", "add", f"{self.address}/32", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
        run(*inside, "route", "add", "default", "via", "169.254.1.1", "dev", "eth0")
        run(*inside, "neigh", "replace", "169.254.1.1", "lladdr", address, "dev", "eth0",
            "nud", "permanent")  # fmt: skip
        run("ip", "route", "replace", f"{self.address}/32", "dev", self.ifname)
        run(*inside, "addr", "add", f"{self.address6}/128", "dev", "eth0", "nodad")
        run(*inside, "route", "add", "default", "via", GATEWAY6, "dev", "eth0", "onlink")
        run(*inside, "neigh", "replace", GATEWAY6, "lladdr", address, "dev", "eth0",
            "nud", "permanent")  # fmt: skip
        run("ip", "route", "replace", f"{self.address6}/128", "dev", self.ifname)
        own = link_address("eth0", self.netns)
        for one in self.addresses:
            run("ip", "neigh", "replace", one, "lladdr", own, "dev", self.ifname,
                "nud", "permanent")  # fmt: skip

    def serve(self, *arguments: str) -> None:
        """Start a peer in this pod and wait until it is ready."""
        self.node.spawn(self.netns, *arguments)

    def ask(self, *arguments: str) -> str:
        """Run a peer to its end and return what it says."""
        return self.node.ask(self.netns, *arguments)


def link_address(ifname: str, netns: str = "") -> str:
    inside = ["-n", netns] if netns else []
    text = subprocess.run(["ip", *inside, "-o", "link", "show", ifname], capture_output=True,
                          text=True, check=True).stdout  # fmt: skip
    return text.split("link/ether ")[1].split()[0]


@dataclass
class Node:
    """The host's namespace, its pods and the datapath under test."""

    name: str
    bpf_dir: Path
    run_dir: Path
    cgroup: Path
    datapath: Datapath
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)

    def command(self, namespace: str, *arguments: str) -> list[str]:
        join = f'echo $$ > {self.cgroup}/cgroup.procs; exec "$@"'
        return ["sh", "-c", join, "sh", "nsenter", f"--net=/run/netns/{namespace}",
                sys.executable, str(PEERS), *arguments]  # fmt: skip

    def spawn(self, namespace: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.command(namespace, *arguments), stdout=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        assert process.stdout and process.stdout.readline() == "ready\n"
        return process

    def ask(self, namespace: str, *arguments: str) -> str:
        done = subprocess.run(
            self.command(namespace, *arguments), capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def ask_from_host(self, *arguments: str) -> str:
        return self.ask(self.name, *arguments)

    def add_pod(self) -> Pod:
        pod = Pod(self, len(self.pods) + 2)
        pod.create()
        self.pods.append(pod)
        self.datapath.put_ipcache(f"{pod.address}/32", pod.identity)
        self.datapath.put_ipcache(f"{pod.address6}/128", pod.identity)
        self.datapath.attach(pod.ifname, pod.number, pod.identity, pod.addresses)
        return pod

    def allow(
        self, pod: Pod, *entries: PolicyEntry, ingress: bool = False, egress: bool = False,
        classes: dict[str, int] | None = None,
    ) -> None:  # fmt: skip
        policy = EndpointPolicy.of(f"test/p{pod.number}", pod.identity, ingress, egress, entries)
        self.datapath.set_endpoint(pod.number, pod.ifname, pod.addresses, policy, classes or {})

    def open_world(self, **options: Any) -> None:
        """Give the node a device to a namespace outside, and start its datapath anew with it."""
        netns.create(self.outside)
        run(
            "ip",
            "link",
            "add",
            "lgw",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.outside,
        )
        for address in (f"{GATE}/24", f"{GATE6}/64"):
            run("ip", "addr", "add", address, "dev", "lgw", *(["nodad"] if ":" in address else []))
        run("ip", "link", "set", "lgw", "up")
        inside = ["ip", "-n", self.outside]
        run(*inside, "link", "set", "lo", "up")
        for address in (f"{VISITOR}/24", f"{VISITOR6}/64"):
            flags = ["nodad"] if ":" in address else []
            run(*inside, "addr", "add", address, "dev", "eth0", *flags)
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "default", "via", GATE)
        run(*inside, "route", "add", "default", "via", GATE6)
        self.restart(devices=("lgw",), **options)

    def restart(self, **options: Any) -> None:
        """Start the datapath anew, as the next agent does."""
        self.datapath.close()
        self.datapath = Datapath(self.bpf_dir, self.run_dir, self.cgroup, Options(**options))
        self.datapath.start()

    @property
    def outside(self) -> str:
        return f"{self.name}-w"

    def ask_from_outside(self, *arguments: str) -> str:
        """Run a peer in the world, whose sockets know nothing of Services."""
        command = ["nsenter", f"--net=/run/netns/{self.outside}", sys.executable, str(PEERS)]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()

    def serve_outside(self, *arguments: str) -> None:
        """Start a peer in the world and wait until it is ready."""
        self.spawn(self.outside, *arguments)

    def new_datapath(self) -> Datapath:
        return Datapath(self.bpf_dir, self.run_dir, self.cgroup)

    def close(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.datapath.cleanup()
        for pod in self.pods:
            netns.remove(pod.netns)
        if self.outside in netns.listnetns():
            netns.remove(self.outside)


def ingress(peer: Pod | int, port: int = 0, protocol: int = 6, verdict: str = "allow",
            rule_set: str = "") -> PolicyEntry:  # fmt: skip
    return _entry("ingress", peer, port, protocol, verdict, rule_set)


def egress(peer: Pod | int, port: int = 0, protocol: int = 6, verdict: str = "allow",
           rule_set: str = "") -> PolicyEntry:  # fmt: skip
    return _entry("egress", peer, port, protocol, verdict, rule_set)


def _entry(direction: str, peer: Pod | int, port: int, protocol: int, verdict: str,
           rule_set: str) -> PolicyEntry:  # fmt: skip
    identity = peer if isinstance(peer, int) else peer.identity
    bits = 16 if port else 0
    return PolicyEntry(direction, identity, protocol, port, bits, verdict, rule_set)  # type: ignore[arg-type]


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until something holds; give up after ten seconds."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Yield a node in a host namespace of its own."""
    with make_node(tmp_path) as made:
        yield made


@contextmanager
def make_node(tmp_path: Path) -> Iterator[Node]:
    """Enter a fresh host namespace, and leave it with everything removed."""
    name = f"lg-k{os.getpid()}"
    cgroup = find_cgroup_root(tmp_path) / name
    cgroup.mkdir()
    netns.create(name)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    netns.setns(name)
    made = None
    try:
        run("ip", "link", "set", "lo", "up")
        run("ip", "addr", "add", f"{HOST_ADDRESS}/32", "dev", "lo")
        run("ip", "addr", "add", f"{HOST_ADDRESS6}/128", "dev", "lo")
        Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
        bpf_dir = Path("/sys/fs/bpf") / name
        made = Node(name, bpf_dir, tmp_path, cgroup, Datapath(bpf_dir, tmp_path, cgroup))
        made.datapath.start()
        for prefix in (f"{HOST_ADDRESS}/32", f"{HOST_ADDRESS6}/128", f"{GATE}/32", f"{GATE6}/128"):
            made.datapath.put_ipcache(prefix, 1)
        yield made
    finally:
        if made:
            made.close()
        netns.setns(home)
        os.close(home)
        netns.remove(name)
        wait_until(lambda: not (cgroup / "cgroup.procs").read_text())
        cgroup.rmdir()
