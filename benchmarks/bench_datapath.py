"""Pod to pod over TCP, with and without our programs, in turn: ``python -m benchmarks.bench_datapath``.

Prints one JSON line a round and one with the median ratios (with / without).
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from pyroute2 import IPRoute

from bpf.attach import detach_tc, device_index
from tests.kernel.conftest import Node, Pod, egress, ingress, make_node


def _measure(client: Pod, server: Pod, seconds: float) -> tuple[float, float]:
    volume, trips = client.ask("measure", server.address, "80", str(seconds)).split()
    return float(volume), float(trips)


def _attach(pods: tuple[Pod, ...], node: Node) -> None:
    for pod in pods:
        node.datapath.attach(pod.ifname, pod.number, pod.identity, (pod.address,))


def _detach(pods: tuple[Pod, ...]) -> None:
    with IPRoute() as netlink:
        for pod in pods:
            detach_tc(netlink, device_index(netlink, pod.ifname))


def main(rounds: int, seconds: float) -> None:
    """Measure in pairs, the order swapped each round, so that a noisy machine harms both alike."""
    with tempfile.TemporaryDirectory() as run_dir, make_node(Path(run_dir)) as node:
        pods = client, server = node.add_pod(), node.add_pod()
        node.allow(client, egress(server, 80), egress=True)
        node.allow(server, ingress(client, 80), ingress=True)
        server.serve("tcp_server", "80")
        ratios = []
        for number in range(rounds):
            results = {}
            for programs in (True, False) if number % 2 else (False, True):
                _attach(pods, node) if programs else _detach(pods)
                results[programs] = _measure(client, server, seconds)
            ratios.append(tuple(a / b for a, b in zip(results[True], results[False], strict=True)))
            print(
                json.dumps(
                    {
                        "benchmark": "datapath",
                        "round": number,
                        "with": results[True],
                        "without": results[False],
                    }
                )
            )
        throughput, trips = (
            round(statistics.median(values), 3) for values in zip(*ratios, strict=True)
        )
        print(
            json.dumps(
                {
                    "benchmark": "datapath",
                    "peer": "no programs",
                    "throughput_ratio": throughput,
                    "round_trip_ratio": trips,
                }
            )
        )


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["6"])[0]), 1.0)
