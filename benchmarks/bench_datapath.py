"""The datapath beside what else carries packets on this machine, in the same run and in turn.

``python -m benchmarks.bench_datapath [PART…]`` measures the parts named, or all of them, and prints
one JSON object a line. What is not here, or what the kernel refuses, gives a line that says so in
its own words. See ``benchmarks/datapath/README.md``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.datapath import compare, connects, flows, lookups, pods, rig, starts, updates
from lockgate.errors import BpfError

PARTS: dict[str, Callable[[Path, Path], None]] = {
    "connects": connects.main,
    "pods": pods.main,
    "lookups": lookups.main,
    "updates": updates.main,
    "starts": starts.main,
    "flows": flows.main,
}


def main(parts: Iterable[str]) -> None:
    """Measure; a part that cannot be measured here does not stop the next."""
    with tempfile.TemporaryDirectory(prefix="lg-bench-") as name:
        folder = Path(name)
        try:
            load = rig.build_load(folder)
        except rig.ToolMissing as error:
            compare.unavailable("every part", "load generator", str(error))
            return
        for part in parts:
            try:
                PARTS[part](folder, load)
            except (rig.ToolMissing, BpfError) as error:
                compare.unavailable(part, "lockgate", str(error))


if __name__ == "__main__":
    main(sys.argv[1:] or PARTS)
