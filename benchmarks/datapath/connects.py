"""Connections to Services: ours, direct, and through the rules of kube-proxy's modes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datapath import compare, rig, rules
from benchmarks.datapath.node import Node, make_node
from benchmarks.datapath.rules import Service, iptables, nftables

Generator = Callable[[Iterable[Service]], str]
MODES: dict[str, tuple[list[str], Generator]] = {
    "kube-proxy iptables-nft": (["iptables-nft-restore"], iptables.rules),
    "kube-proxy iptables-legacy": (["iptables-legacy-restore"], iptables.rules),
    "kube-proxy nftables": (["nft", "-f", "-"], nftables.rules),
}
SIZES = (1, 1_000, 10_000, 50_000)
SIZES_OF_RULES = (1_000, 10_000)
ROUNDS, CONNECTIONS = 40, 400
LOCKGATE, DIRECT = "lockgate", "direct"
WITH_POLICY, DIRECT_WITH_POLICY = "lockgate with policies", "direct with policies"
MEASURE = "connect and close"
QUOTIENTS = (
    (LOCKGATE, DIRECT),
    (WITH_POLICY, DIRECT_WITH_POLICY),
    (WITH_POLICY, DIRECT),
    *((mode, DIRECT) for mode in MODES),
    *((mode, LOCKGATE) for mode in MODES),
    *((mode, WITH_POLICY) for mode in MODES),
)


@dataclass
class Connects:
    """Hosts of one shape; ``policies`` is ours with both pods under enforcement."""

    folder: Path
    load: Path
    client: rig.Pod
    ours: tuple[Node, rig.Pod]
    policies: tuple[Node, rig.Pod, rig.Pod]

    def measure(self, size: int) -> None:
        """Bring our nodes to so many Services and compare."""
        with ExitStack() as stack:
            server = self.policies[2]
            _timed_load(self.ours[0], size, None)
            _timed_load(self.policies[0], size, server.address)
            cluster_ip = str(rules.CLUSTER_IPS + 1)
            port = str(rules.PORT)
            endpoint = str(rules.ENDPOINTS + 1)
            probes = {
                DIRECT: _probe(self.client, endpoint, rig.CONNECT, size),
                LOCKGATE: _probe(self.ours[1], cluster_ip, port, size),
                DIRECT_WITH_POLICY: _probe(self.policies[1], server.address, rig.CONNECT, 1),
                WITH_POLICY: _probe(self.policies[1], cluster_ip, port, size),
            }
            for mode in MODES if size in SIZES_OF_RULES else ():
                try:
                    client = self._proxied(stack, mode, size)
                except rig.ToolMissing as error:
                    compare.unavailable(MEASURE, mode, str(error))
                else:
                    probes[mode] = _probe(client, cluster_ip, port, size)
            found = compare.interleave(probes, ROUNDS)
            compare.report(MEASURE, "us", found, QUOTIENTS, services=size)

    def _proxied(self, stack: ExitStack, mode: str, size: int) -> rig.Pod:
        """Return a pod on a host with the rules of a mode."""
        host = stack.enter_context(rig.make_host(self.folder, self.load))
        client = backed_pair(host)[0]
        command, generate = MODES[mode]
        text = generate(rules.services(size, int(rig.CONNECT)))
        start = time.perf_counter()
        rig.run("nsenter", f"--net=/run/netns/{host.name}", *command, stdin=text)
        _emit_load(mode, size, start)
        return client


def backed_pair(host: rig.Host) -> tuple[rig.Pod, rig.Pod]:
    """Return a client and a pod that answers for every Service's endpoint."""
    client, server = host.add_pair()
    server.own(rules.ENDPOINT_PREFIX)
    return client, server


def _probe(client: rig.Pod, address: str, port: str, span: int) -> compare.Probe:
    def probe() -> float:
        first = str(random.randrange(span))
        words = ("connect", address, port, str(CONNECTIONS), str(span), first)
        return client.ask(*words) / 1000

    return probe


def _timed_load(node: Node, size: int, endpoint: str | None) -> None:
    services = list(rules.services(size, int(rig.CONNECT), endpoint))
    start = time.perf_counter()
    node.put_services(services)
    _emit_load(LOCKGATE if endpoint is None else WITH_POLICY, size, start)


def _emit_load(contender: str, size: int, start: float) -> None:
    took = round((time.perf_counter() - start) * 1000, 1)
    compare.emit("load services", contender=contender, services=size, ms=took)


def main(folder: Path, load: Path, sizes: Iterable[int] = SIZES) -> None:
    """Compare at each number of Services."""
    with ExitStack() as stack:
        hosts = [stack.enter_context(rig.make_host(folder, load)) for _ in range(3)]
        pairs = [backed_pair(host) for host in hosts]
        ours, policies = (stack.enter_context(make_node(host, folder)) for host in hosts[1:])
        policies.enforce_pair(*pairs[2])
        connects = Connects(folder, load, pairs[0][0], (ours, pairs[1][0]), (policies, *pairs[2]))
        for size in sizes:
            connects.measure(size)
