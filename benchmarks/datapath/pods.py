"""Pod to pod over TCP: with programs and policies at both pods, and over bare veths."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.datapath import compare, rig
from benchmarks.datapath.node import make_node
from benchmarks.datapath.rig import Pod

ROUNDS, SECONDS = 30, 0.3
LOCKGATE, BARE = "lockgate with policies", "bare veth"


def main(folder: Path, load: Path) -> None:
    """Compare throughput and round trips, with both ends on one processor and on two."""
    for together in (True, False):
        with ExitStack() as stack:
            hosts = [
                stack.enter_context(rig.make_host(folder, load, together=together))
                for _ in range(2)
            ]
            bare, ours = (host.add_pair() for host in hosts)
            stack.enter_context(make_node(hosts[1], folder)).enforce_pair(*ours)
            for measure, unit, probe in MEASURES:
                probes = {BARE: partial(probe, *bare), LOCKGATE: partial(probe, *ours)}
                found = compare.interleave(probes, ROUNDS)
                compare.report(measure, unit, found, ((LOCKGATE, BARE),), processors=2 - together)


def gigabits(client: Pod, server: Pod) -> float:
    """Return the throughput of one stream."""
    return client.ask("stream", server.address, rig.STREAM, str(SECONDS)) * 8 / 1e9


def round_trips(client: Pod, server: Pod) -> float:
    """Return one-byte round trips per second."""
    return client.ask("trips", server.address, rig.TRIPS, str(SECONDS))


def connect_us(client: Pod, server: Pod, connections: int) -> float:
    """Return the median time of a connect and close."""
    words = ("connect", server.address, rig.CONNECT, str(connections), "1", "0")
    return client.ask(*words) / 1000


MEASURES = (("stream", "gbit_s", gigabits), ("round trips", "per_s", round_trips))
