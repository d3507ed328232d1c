"""A process that holds a datapath, as the agent does: started for one measurement, then gone.

``python -m benchmarks.datapath.holder BPF_DIR RUN_DIR CGROUP IFNAME ENTRIES`` stands in the host's
namespace, starts the datapath and enforces a pod with so many policy and ipcache entries; with -1,
those that an earlier process left stay in force. It prints a JSON line and lets go without removing anything.
"""

from __future__ import annotations

import json
import os
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

BEGUN = time.perf_counter()

from bpf.datapath import Datapath  # noqa: E402  # the import is part of what is measured
from lockgate.ir.node import EndpointPolicy, PolicyEntry  # noqa: E402

FIRST_PEER, FIRST_ADDRESS = 100_000, IPv4Address("172.16.0.1")
ENDPOINT, IDENTITY, ADDRESS = 2, 1002, "10.99.1.2"


def main(bpf_dir: Path, run_dir: Path, cgroup: Path, ifname: str, entries: int) -> None:
    """Start, enforce, fill, and say how long each took and what it takes of memory."""
    imported = time.perf_counter()
    datapath = Datapath(bpf_dir, run_dir, cgroup)
    datapath.start()
    started = time.perf_counter()
    datapath.attach(ifname, ENDPOINT, IDENTITY, (ADDRESS,))
    if entries >= 0:
        _fill(datapath, ifname, entries)
    enforced = time.perf_counter()
    print(
        json.dumps(
            {
                "import": (imported - BEGUN) * 1000,
                "start": (started - imported) * 1000,
                "enforce": (enforced - started) * 1000,
                "resident": _resident_mib(),
            }
        )
    )
    datapath.close()


def _fill(datapath: Datapath, ifname: str, entries: int) -> None:
    allowed = [
        PolicyEntry("ingress", FIRST_PEER + number, 6, 80, 16, "allow") for number in range(entries)
    ]
    policy = EndpointPolicy.of("shop/p2", IDENTITY, True, True, allowed)
    datapath.set_endpoint(ENDPOINT, ifname, (ADDRESS,), policy, {})
    datapath.set_ipcache(
        {f"{FIRST_ADDRESS + number}/32": FIRST_PEER + number for number in range(entries)}
    )


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4], int(sys.argv[5]))
