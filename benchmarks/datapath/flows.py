"""Flow events: how fast they are read, and what becomes of each under a flood of connections."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path

from benchmarks.datapath import compare, rig
from benchmarks.datapath.node import Node, make_node
from benchmarks.datapath.rig import Pod
from bpf import inspect

BURST, FLOOD, RUNS = 5_000, 60_000, 5
EVENTS_OF_A_FLOW = 2
"""One at the pod it leaves, one at the pod it enters."""
LOST = "event not reported"
PAUSE_S = 1.2
"""Longer than the second over which the kernel's programs limit events."""


def main(folder: Path, load: Path) -> None:
    """Measure both, several times each; then how a flood fares that nobody reads."""
    with rig.make_host(folder, load) as host, make_node(host, folder) as node:
        pair = host.add_pair()
        node.enforce_pair(*pair)
        seen = Seen()
        node.datapath.events(seen.count)
        drained = [_drain(node, pair, seen) for _ in range(RUNS)]
        compare.emit("events drained", events_per_s=compare.median(drained), burst=BURST, runs=RUNS)
        for reading in (True, False):
            _emit_flood([_flood(node, pair, seen, reading=reading) for _ in range(RUNS)], reading)


class Seen:
    """Counts events; what else an agent does with one is no part of this."""

    def __init__(self) -> None:
        self.events = 0

    def count(self, _: object) -> None:
        """Take one event."""
        self.events += 1


def _drain(node: Node, pair: tuple[Pod, Pod], seen: Seen) -> float:
    """Fill the ring while nobody reads, then empty it; return events per second."""
    time.sleep(PAUSE_S)
    _connect(pair, BURST)
    seen.events, start = 0, time.perf_counter()
    while node.datapath.poll(0):
        pass
    return seen.events / (time.perf_counter() - start)


def _flood(node: Node, pair: tuple[Pod, Pod], seen: Seen, *, reading: bool) -> dict[str, float]:
    """Open connections as fast as one client can; account for every event."""
    time.sleep(PAUSE_S)
    lost, seen.events = _lost(node), 0
    flood = threading.Thread(target=_connect, args=(pair, FLOOD))
    start = time.perf_counter()
    flood.start()
    while reading and flood.is_alive():
        node.datapath.poll(10)
    flood.join()
    took = time.perf_counter() - start
    while node.datapath.poll(0):
        pass
    return {
        "flows_per_s": FLOOD / took,
        "read_per_s": seen.events / took,
        "events": FLOOD * EVENTS_OF_A_FLOW,
        "read": seen.events,
        "counted_as_lost": _lost(node) - lost,
        "unaccounted": FLOOD * EVENTS_OF_A_FLOW - seen.events - (_lost(node) - lost),
    }


def _emit_flood(runs: list[dict[str, float]], reading: bool) -> None:
    figures = {name: round(statistics.median(run[name] for run in runs)) for name in runs[0]}
    compare.emit("events under a flood", reader="at work" if reading else "away",
                 runs=len(runs), **figures)  # fmt: skip


def _connect(pair: tuple[Pod, Pod], count: int) -> None:
    client, server = pair
    client.ask("connect", server.address, rig.CONNECT, str(count), "1", "0")


def _lost(node: Node) -> int:
    """Return how many events the programs counted as not reported."""
    rows = inspect.metrics(node.bpf_dir)
    return sum(int(str(row["packets"])) for row in rows if row["reason"] == LOST)
