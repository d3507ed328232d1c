"""Lockgate's datapath on a measured host, through its public methods only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datapath.rig import Host, Pod, inside
from benchmarks.datapath.rules import PORT, Service
from bpf.datapath import Datapath
from lockgate.ir.node import EndpointPolicy, Frontend, LoadBalancer, PolicyEntry
from lockgate.model.meta import ObjectRef

FIRST_PEER = 100_000
"""Identity of the first peer that exists in policies only."""


def entry(direction: str, identity: int, port: int = 0) -> PolicyEntry:
    """Allow TCP with a peer, at one port or all."""
    return PolicyEntry(direction, identity, 6, port, 16 if port else 0, "allow")  # type: ignore[arg-type]


def strangers(direction: str, count: int, port: int) -> list[PolicyEntry]:
    """Allow peers that do not exist, so that a policy has so many entries more."""
    return [entry(direction, FIRST_PEER + number, port) for number in range(count)]


@dataclass(frozen=True)
class Node:
    """A host with a datapath in force."""

    host: Host
    datapath: Datapath
    bpf_dir: Path

    def enforce(self, pod: Pod, *entries: PolicyEntry, ingress: bool, egress: bool) -> None:
        """Attach a pod with a policy."""
        name = f"shop/p{pod.number}"
        policy = EndpointPolicy.of(name, pod.identity, ingress, egress, entries)
        with inside(self.host.name):
            self.datapath.put_ipcache(f"{pod.address}/32", pod.identity)
            self.datapath.attach(pod.ifname, pod.number, pod.identity, (pod.address,))
            self.datapath.set_endpoint(pod.number, pod.ifname, (pod.address,), policy, {})

    def enforce_pair(self, client: Pod, server: Pod, entries: int = 1, port: int = 0) -> None:
        """Let ``client`` reach ``server`` by policies of so many entries at both."""
        out = strangers("egress", entries - 1, port)
        into = strangers("ingress", entries - 1, port)
        self.enforce(client, entry("egress", server.identity, port), *out,
                     ingress=True, egress=True)  # fmt: skip
        self.enforce(server, entry("ingress", client.identity, port), *into,
                     ingress=True, egress=True)  # fmt: skip

    def put_services(self, services: Iterable[Service]) -> None:
        """Write Services."""
        for service in services:
            self.datapath.put_service(load_balancer(service))


def load_balancer(service: Service) -> LoadBalancer:
    """Return what the kernel must do for a Service."""
    frontend = Frontend(service.cluster_ip, PORT, "TCP")
    origin = ObjectRef("Service", "shop", service.name.partition("/")[2].partition(":")[0])
    return LoadBalancer(frontend, ((service.endpoint, service.endpoint_port),), origin)


@contextlib.contextmanager
def make_node(host: Host, folder: Path) -> Iterator[Node]:
    """Start a datapath on a host; remove it at the end."""
    bpf_dir = Path("/sys/fs/bpf") / host.name
    datapath = Datapath(bpf_dir, folder, host.cgroup)
    with inside(host.name):
        try:
            datapath.start()
            yield_node = Node(host, datapath, bpf_dir)
        except BaseException:
            datapath.cleanup()
            raise
    try:
        yield yield_node
    finally:
        with inside(host.name):
            datapath.cleanup()
