"""What it costs to tell the kernel: many entries at once, and one more among many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.datapath import compare, rig
from benchmarks.datapath.node import FIRST_PEER, Node, entry, make_node, strangers
from benchmarks.datapath.rig import Pod, inside
from lockgate.ir.node import EndpointPolicy

ENTRIES, RUNS = 50_000, 5
FIRST_ADDRESS = IPv4Address("172.16.0.1")
NFT_SET = "nft set"
QUOTIENTS = tuple(
    (f"{ours}: {step}", f"{NFT_SET}: {step}")
    for ours in ("policy", "ipcache")
    for step in ("write all", "one more", "remove all")
)
Steps = Iterator[tuple[str, float]]


def main(folder: Path, load: Path) -> None:
    """Write, change and remove entries, several times; beside an nft set of so many addresses."""
    with rig.make_host(folder, load) as host, make_node(host, folder) as node:
        pod = host.add_pod()
        node.enforce(pod, ingress=True, egress=True)
        found: dict[str, list[float]] = {}
        refused: set[str] = set()
        for _ in range(RUNS):
            for steps in (_policy(node, pod), _ipcache(node), _nft(host)):
                try:
                    for name, took in steps:
                        found.setdefault(name, []).append(took)
                except rig.ToolMissing as error:
                    refused.add(str(error))
        for reason in sorted(refused):
            compare.unavailable("update", NFT_SET, reason)
        compare.report("update", "ms", found, QUOTIENTS, entries=ENTRIES)


def _policy(node: Node, pod: Pod) -> Steps:
    entries = strangers("ingress", ENTRIES, 80)
    full = EndpointPolicy.of("shop/p", pod.identity, True, True, entries)
    full = replace(full, revision=full.rows.revision)
    yield "policy: write all", _took(lambda: _set(node, pod, full))
    added = FIRST_PEER + ENTRIES
    full.rows.put(("ingress", added), (entry("ingress", added, 80),))
    larger = replace(full, revision=full.rows.revision)
    yield "policy: one more", _took(lambda: _set(node, pod, larger))
    empty = EndpointPolicy.of("shop/p", pod.identity, True, True)
    yield "policy: remove all", _took(lambda: _set(node, pod, empty))


def _set(node: Node, pod: Pod, policy: EndpointPolicy) -> None:
    with inside(node.host.name):
        node.datapath.set_endpoint(pod.number, pod.ifname, (pod.address,), policy, {})


def _ipcache(node: Node) -> Steps:
    wanted = {f"{FIRST_ADDRESS + number}/32": FIRST_PEER + number for number in range(ENTRIES)}
    datapath = node.datapath
    yield "ipcache: write all", _took(lambda: datapath.set_ipcache(wanted))
    one = f"{FIRST_ADDRESS + ENTRIES}/32"
    yield "ipcache: one more", _took(lambda: datapath.put_ipcache(one, FIRST_PEER))
    yield "ipcache: remove all", _took(lambda: datapath.set_ipcache({}))

    def one_by_one() -> None:
        for cidr, identity in wanted.items():
            datapath.put_ipcache(cidr, identity)

    yield "ipcache: write all, one call each", _took(one_by_one)
    datapath.set_ipcache({})


def _nft(host: rig.Host) -> Steps:
    addresses = ", ".join(str(FIRST_ADDRESS + number) for number in range(ENTRIES))
    create = "add table ip lg\nadd set ip lg peers { type ipv4_addr; }\n"
    fill = f"add element ip lg peers {{ {addresses} }}\n"
    more = f"add element ip lg peers {{ {FIRST_ADDRESS + ENTRIES} }}\n"
    nft = ("nsenter", f"--net=/run/netns/{host.name}", "nft", "-f", "-")
    rig.run(*nft, stdin=create)
    yield f"{NFT_SET}: write all", _took(lambda: rig.run(*nft, stdin=fill))
    yield f"{NFT_SET}: one more", _took(lambda: rig.run(*nft, stdin=more))
    yield f"{NFT_SET}: remove all", _took(lambda: rig.run(*nft, stdin="delete table ip lg\n"))


def _took(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000
