"""Hosts and pods as network namespaces, and load between pods.

A host is a namespace that routes; a pod is a namespace on a veth, as a CNI plugin makes it. Several
hosts of one shape stand side by side, so that contenders can be measured in turn.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyroute2 import netns

from bpf.attach import find_cgroup_root

SOURCE = Path(__file__).with_name("load.c")
CONNECT, STREAM, TRIPS = "8080", "8081", "8082"
SERVERS = {"accept": CONNECT, "sink": STREAM, "echo": TRIPS}
GATEWAY = "169.254.1.1"
_numbers = itertools.count()


class ToolMissing(Exception):
    """Something needed to measure is not on this machine."""


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command and return what it prints.

    Raises: ToolMissing: it is not here, or refuses; the text is its own.
    """
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise ToolMissing(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise ToolMissing(error.stderr.strip() or f"{command[0]}: {error}") from error
    return done.stdout


def build_load(folder: Path) -> Path:
    """Compile the load generator."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        raise ToolMissing("there is no C compiler")
    binary = folder / "load"
    run(compiler, "-O2", "-o", str(binary), str(SOURCE))
    return binary


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Have this thread stand in a network namespace."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    netns.setns(namespace)
    try:
        yield
    finally:
        netns.setns(home)
        os.close(home)


@dataclass(frozen=True)
class Pod:
    """A namespace with one address, on a veth of its host."""

    host: Host
    number: int

    @property
    def address(self) -> str:
        """Return its IPv4 address."""
        return f"10.99.1.{self.number}"

    @property
    def netns(self) -> str:
        """Return the name of its namespace."""
        return f"{self.host.name}-p{self.number}"

    @property
    def ifname(self) -> str:
        """Return the name of the host's side of its veth."""
        return f"lgb{self.number}"

    @property
    def identity(self) -> int:
        """Return the number that policies know it by."""
        return 1000 + self.number

    def create(self) -> None:
        """Make the namespace and both ways to it."""
        host, name = self.host.name, self.netns
        netns.create(name)
        _ip(host, "link", "add", self.ifname, "type", "veth", "peer", "eth0", "netns", name)
        _ip(host, "link", "set", self.ifname, "up")
        _ip(name, "link", "set", "lo", "up")
        _ip(name, "link", "set", "eth0", "up")
        _ip(name, "addr", "add", f"{self.address}/32", "dev", "eth0")
        _ip(name, "route", "add", GATEWAY, "dev", "eth0", "scope", "link")
        _ip(name, "route", "add", "default", "via", GATEWAY, "dev", "eth0")
        link = _ip(host, "-o", "link", "show", self.ifname)
        hardware = link.split("link/ether ")[1].split()[0]
        _ip(name, "neigh", "replace", GATEWAY, "lladdr", hardware, "dev", "eth0", "nud",
            "permanent")  # fmt: skip
        _ip(host, "route", "add", f"{self.address}/32", "dev", self.ifname)

    def own(self, prefix: str) -> None:
        """Let the pod answer at every address of a prefix, and route it there."""
        _ip(self.netns, "route", "add", "local", prefix, "dev", "lo")
        _ip(self.host.name, "route", "add", prefix, "via", self.address, "dev", self.ifname,
            "onlink")  # fmt: skip

    def serve(self) -> None:
        """Start one server of each kind."""
        for role, port in SERVERS.items():
            self.host.spawn(self.netns, role, port)

    def ask(self, *words: str) -> float:
        """Run a client in this pod and return its first figure."""
        return float(self.host.ask(self.netns, *words).split()[0])


@dataclass
class Host:
    """A namespace that routes between its pods.

    Clients and servers keep to processors of their own, or with ``together`` to one: then nothing
    waits for a sleeping processor, and the figures are those of the path alone.
    """

    name: str
    load: Path
    cgroup: Path
    together: bool
    pods: list[Pod] = field(default_factory=list)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def add_pod(self) -> Pod:
        """Make the next pod."""
        pod = Pod(self, len(self.pods) + 2)
        self.pods.append(pod)
        pod.create()
        return pod

    def add_pair(self) -> tuple[Pod, Pod]:
        """Return a client and a pod that serves."""
        client, server = self.add_pod(), self.add_pod()
        server.serve()
        return client, server

    def spawn(self, namespace: str, *words: str) -> None:
        """Start a server of the load generator and wait until it listens."""
        process = subprocess.Popen(
            self._command(namespace, *words), stdout=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        assert process.stdout and process.stdout.readline() == "ready\n"

    def ask(self, namespace: str, *words: str) -> str:
        """Run a client of the load generator and return what it prints."""
        return run(*self._command(namespace, *words))

    def _command(self, namespace: str, *words: str) -> list[str]:
        join = f'echo $$ > {self.cgroup}/cgroup.procs; exec "$@"'
        enter = ["nsenter", f"--net=/run/netns/{namespace}"]
        first, *_, last = sorted(os.sched_getaffinity(0)) * 2
        processor = last if words[0] in SERVERS and not self.together else first
        pin = ["taskset", "--cpu-list", str(processor)]
        return ["sh", "-c", join, "sh", *enter, *pin, str(self.load), *words]

    def close(self) -> None:
        """End every process and remove every namespace."""
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        for pod in self.pods:
            netns.remove(pod.netns)
        netns.remove(self.name)
        while (self.cgroup / "cgroup.procs").read_text():
            time.sleep(0.01)
        self.cgroup.rmdir()


@contextlib.contextmanager
def make_host(folder: Path, load: Path, *, together: bool = False) -> Iterator[Host]:
    """Make a host without pods; remove all of it at the end."""
    name = f"lg-b{os.getpid()}-{next(_numbers)}"
    cgroup = find_cgroup_root(folder) / name
    cgroup.mkdir()
    host = Host(name, load, cgroup, together)
    try:
        netns.create(name)
        _ip(name, "link", "set", "lo", "up")
        _ip(name, "addr", "add", "10.99.0.1/32", "dev", "lo")
        run("ip", "netns", "exec", name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        yield host
    finally:
        host.close()


def _ip(namespace: str, *words: str) -> str:
    return run("ip", "-n", namespace, *words)
