"""Cold and warm starts of a process that holds the datapath, and its memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.datapath import compare, rig
from benchmarks.datapath.rig import Pod, inside
from bpf.datapath import Datapath

RUNS, MANY = 5, 50_000
ADOPT = -1
KINDS = {
    "cold": 0,
    "warm": ADOPT,
    f"cold, {MANY} entries": MANY,
    f"warm, {MANY} entries": ADOPT,
}
"""Each warm start adopts what the cold one before it left."""


def main(folder: Path, load: Path) -> None:
    """Start on an empty directory of pins, then adopt; several times."""
    found: dict[str, dict[str, list[float]]] = {}
    with rig.make_host(folder, load) as host:
        pod = host.add_pod()
        try:
            for _ in range(RUNS):
                _run_all(pod, folder, found)
        finally:
            _clear(pod, folder)
    for kind, values in found.items():
        times = zip(values["start"], values["enforce"], strict=True)
        compare.emit(
            "start",
            kind=kind,
            runs=RUNS,
            import_ms=compare.median(values["import"]),
            start_ms=compare.median(values["start"]),
            until_enforced_ms=compare.median([start + enforce for start, enforce in times]),
            resident_mib=compare.median(values["resident"]),
        )


def _run_all(pod: Pod, folder: Path, found: dict[str, dict[str, list[float]]]) -> None:
    for kind, entries in KINDS.items():
        if entries != ADOPT:
            _clear(pod, folder)
        for name, value in _hold(pod, folder, entries).items():
            found.setdefault(kind, {}).setdefault(name, []).append(value)


def _pins(pod: Pod) -> Path:
    return Path("/sys/fs/bpf") / pod.host.name


def _hold(pod: Pod, folder: Path, entries: int) -> dict[str, float]:
    words = [_pins(pod), folder, pod.host.cgroup, pod.ifname, entries]
    enter = ["nsenter", f"--net=/run/netns/{pod.host.name}", sys.executable]
    found: dict[str, float] = json.loads(
        rig.run(*enter, "-m", "benchmarks.datapath.holder", *map(str, words))
    )
    return found


def _clear(pod: Pod, folder: Path) -> None:
    """Remove what earlier processes left in the kernel."""
    if _pins(pod).exists():
        with inside(pod.host.name):
            datapath = Datapath(_pins(pod), folder, pod.host.cgroup)
            datapath.start()
            datapath.cleanup()
