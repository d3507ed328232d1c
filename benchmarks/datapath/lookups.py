"""What the number of entries in both pods' policies costs a packet, and a connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.datapath import compare, rig
from benchmarks.datapath.node import make_node
from benchmarks.datapath.pods import connect_us, round_trips
from benchmarks.datapath.rig import Pod

SIZES = (10, 1_000, 16_000)
ROUNDS, CONNECTIONS = 20, 400
MEASURES: tuple[tuple[str, str, Callable[[Pod, Pod], float]], ...] = (
    ("round trips by policy size", "per_s", round_trips),
    ("connect and close by policy size", "us", partial(connect_us, connections=CONNECTIONS)),
)


def main(folder: Path, load: Path) -> None:
    """Compare nodes that differ in nothing but how many entries their pods' policies have."""
    with ExitStack() as stack:
        pairs: dict[str, tuple[Pod, Pod]] = {}
        for size in SIZES:
            host = stack.enter_context(rig.make_host(folder, load, together=True))
            pairs[f"{size} entries"] = pair = host.add_pair()
            stack.enter_context(make_node(host, folder)).enforce_pair(*pair, entries=size)
        least = next(iter(pairs))
        quotients = [(name, least) for name in pairs if name != least]
        for measure, unit, probe in MEASURES:
            probes = {name: partial(probe, *pair) for name, pair in pairs.items()}
            compare.report(measure, unit, compare.interleave(probes, ROUNDS), quotients)
