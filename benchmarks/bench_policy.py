"""The policy engine against Cilium's policy repository, on the same cluster and events.

Ours runs in Python, the peer as a small Go program around ``github.com/cilium/cilium/pkg/policy``;
both resolve every local endpoint, then follow the same events. Prints a JSON line for each size
and engine, then the ratios: ours over the peer (below 1: ours is faster), and 10,000 policies over
1,000 (near 1: the cost does not grow). See ``benchmarks/policy/README.md``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import go_peer
from benchmarks.policy.workload import workload

PEER = Path(__file__).parent / "policy" / "peer"
PEER_VERSION = "cilium-1.18.4"
IDENTITIES, LOCAL, ROUNDS = 10_000, 500, 15
EVENTS = ("policy added", "pod added", "namespace relabelled")
Figures = dict[str, Any]


def ours(policies: int) -> Figures:
    """Measure our engine in a process of its own."""
    module = "benchmarks.policy.ours"
    words = [sys.executable, "-m", module, *map(str, (policies, IDENTITIES, LOCAL, ROUNDS))]
    found: Figures = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


def theirs(binary: Path, policies: int) -> Figures:
    """Measure the peer."""
    work = json.dumps(asdict(workload(policies, IDENTITIES, LOCAL, ROUNDS)))
    run = subprocess.run([binary], input=work, capture_output=True, text=True, check=True)
    found: Figures = json.loads(run.stdout)
    return found


def medians(figures: Figures) -> Figures:
    """Return the figures with each event's median, in milliseconds."""
    found = {f"{event}_ms": round(statistics.median(figures[event]) * 1000, 3) for event in EVENTS}
    touched = {
        f"{event}_touched": statistics.median(figures[f"{event} touched"])
        for event in EVENTS
        if f"{event} touched" in figures
    }
    return {
        "full_s": round(figures["full"], 3), "peak_mib": round(figures["peak_mib"]),
        "entries": figures["entries"], **found, **touched,
    }  # fmt: skip


def ratios(one: Figures, other: Figures) -> Figures:
    """Return one over the other."""
    names = ["full_s", "peak_mib", *(f"{event}_ms" for event in EVENTS)]
    return {name: round(one[name] / other[name], 3) for name in names}


def main() -> None:
    """Measure both engines at both sizes, in turn."""
    binary = go_peer.build(PEER, f"policy-peer-{PEER_VERSION}")
    sizes = (1_000, 10_000)
    found: dict[tuple[str, int], Figures] = {}
    for policies in sizes:
        found["ours", policies] = medians(ours(policies))
        if binary is not None:
            found["peer", policies] = medians(theirs(binary, policies))
    for (engine, policies), figures in found.items():
        print(json.dumps({"engine": engine, "policies": policies, **figures}))
    small, large = sizes
    growth = ratios(found["ours", large], found["ours", small])
    print(json.dumps({"ratio": f"ours at {large} / at {small} policies", **growth}))
    if binary is not None:
        for policies in sizes:
            compared = ratios(found["ours", policies], found["peer", policies])
            print(json.dumps({"ratio": f"ours / peer at {policies} policies", **compared}))


if __name__ == "__main__":
    main()
