"""The xDS server beside go-control-plane: same machine, same run, same resources, real Envoy.

For each size and server: the first sync until the last host answers, then single changes until a
request sees them, then requests in a row, and for ours a restart. Prints a JSON line for each
server and one with the ratios, ours over the peer's (below 1: ours is less). ``linear`` is the
peer at its best: a cache per type, and routes in as many shards as ours. ``snapshot`` is its
usual way, with all routes in one configuration. See ``benchmarks/xds/README.md``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import go_peer
from benchmarks.xds import rig
from benchmarks.xds.streams import fan_out
from xds.translate.ingress.shards import shard_count

Figures = dict[str, Any]
PEER = Path(__file__).parent / "xds" / "peer"
PEER_VERSION = "go-control-plane-0.14.0"
SIZES = (10_000, 50_000)
CHANGES, REQUESTS = 100, 3000
SLOW_CHANGES = 20
"""Of the peer's snapshot cache, which takes seconds for each."""
SYNCS = {10_000: 3, 50_000: 1}
STREAMS = 1000


def command(
    mode: str, peer: Path | None, folder: Path, size: int, ports: tuple[int, int]
) -> list[str]:
    """Return the command line of a server."""
    backend, port = ports
    words = ["--socket", str(folder / "xds.sock"), "--hosts", str(size)]
    words += ["--backend", str(backend), "--http-port", str(port)]
    if mode == "ours":
        return [sys.executable, "-m", "benchmarks.xds.ours", *words]
    shards = ["--shards", str(shard_count(size, 0)), "--node", "bench"]
    return [str(peer), "--mode", mode, *words, *shards]


def percentiles(seconds: list[float]) -> Figures:
    """Return the middle and the tail, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50_ms": round(cuts[49] * 1e3, 2), "p99_ms": round(cuts[98] * 1e3, 2)}


def changes(server: rig.Server, change: Callable[[int], float], count: int = CHANGES) -> Figures:
    """Make changes one by one; return times, and the server's CPU and bytes for each."""
    before = server.tell("stats")
    taken = []
    for number in range(count):
        taken.append(change(number))
        time.sleep(0.02)  # acknowledgements come in
    after = server.tell("stats")
    return {
        **percentiles(taken),
        "server_cpu_ms": round((after["cpu_s"] - before["cpu_s"]) * 1e3 / count, 2),
        "bytes": round((after["sent_bytes"] - before["sent_bytes"]) / count),
    }


def measure(mode: str, peer: Path | None, size: int) -> Figures:
    """Measure one server at one size."""
    with (
        tempfile.TemporaryDirectory(prefix="lg-bench-") as name,
        rig.backend() as first,
        rig.backend() as second,
    ):
        folder, port = Path(name), rig.free_port()
        words = command(mode, peer, folder, size, (first, port))
        server = rig.Server(words)
        try:
            with rig.envoy(folder, folder / "xds.sock") as envoy:
                requests = rig.Requests(port)
                found: Figures = {"server": mode, "hosts": size}
                found["first_sync_s"] = round(requests.until(size - 1, 200, str(first)), 2)
                stats = server.tell("stats")
                found["first_sync_server_cpu_s"] = round(stats["cpu_s"], 2)
                found["server_rss_mib"] = round(stats["rss_mib"])
                found["envoy_rss_mib"] = round(rig.memory_mib(envoy.pid))
                found["requests"] = row_of_requests(requests, envoy.pid, size)
                if mode == "ours":
                    server, found["restart"] = restart(server, words, requests, folder)
                count = SLOW_CHANGES if mode == "snapshot" else CHANGES
                change = endpoint_change(server, requests, size, second)
                found["endpoint"] = changes(server, change, count)
                found["route"] = changes(server, route_change(server, requests, size), count)
                found["nacks"] = server.tell("stats")["nacks"]
                return found
        finally:
            server.kill()


def route_change(server: rig.Server, requests: rig.Requests, size: int) -> Callable[[int], float]:
    """Return what moves a host's one route away from ``/`` and waits for the 404."""

    def change(number: int) -> float:
        host = number * 97 % size
        begin = time.perf_counter()
        server.tell(f"route {host} r{number}")
        requests.until(host, 404, "")
        return time.perf_counter() - begin

    return change


def endpoint_change(
    server: rig.Server, requests: rig.Requests, size: int, port: int
) -> Callable[[int], float]:
    """Return what moves a host to another backend and waits for its answer."""

    def change(number: int) -> float:
        host = (number * 89 + 7) % size
        begin = time.perf_counter()
        server.tell(f"endpoint {host} {port}")
        requests.until(host, 200, str(port))
        return time.perf_counter() - begin

    return change


def row_of_requests(requests: rig.Requests, pid: int, size: int) -> Figures:
    """Return Envoy's CPU for each request, and their rate, of one client."""
    host = size - 2
    before, begin = rig.cpu_s(pid), time.perf_counter()
    for _ in range(REQUESTS):
        requests.get(host)
    taken = time.perf_counter() - begin
    cpu = (rig.cpu_s(pid) - before) * 1e6 / REQUESTS
    return {"per_second": round(REQUESTS / taken), "envoy_cpu_us": round(cpu, 1)}


def restart(server: rig.Server, words: list[str], requests: rig.Requests, folder: Path) -> Figures:
    """Kill our server and start it anew; return what failed and what was sent again."""
    stats = settled(server)
    server.kill()
    failed = sum(requests.get(number)[0] == 0 for number in range(100))
    (folder / "xds.sock").unlink(missing_ok=True)
    begun = time.perf_counter()
    again = rig.Server(words)
    deadline = time.perf_counter() + 20
    while again.tell("stats")["streams"] == 0 and time.perf_counter() < deadline:
        failed += requests.get(3)[0] == 0
    connected = time.perf_counter() - begun
    for _ in range(100):
        failed += requests.get(3)[0] == 0
        time.sleep(0.02)
    after = again.tell("stats")
    return again, {
        "connected_after_s": round(connected, 2),
        "bytes_before": stats["sent_bytes"],
        "resources_sent_again": after["sent_resources"],
        "failed_requests": failed,
    }


def settled(server: rig.Server) -> Figures:
    """Wait until nothing is sent for a second; return the server's figures."""
    while True:
        before = server.tell("stats")
        time.sleep(1)
        after = server.tell("stats")
        if before["sent_bytes"] == after["sent_bytes"]:
            return after


def main() -> None:
    """Print the figures."""
    peer = go_peer.build(PEER, f"xds-peer-{PEER_VERSION}")
    modes = ("ours", *(("linear", "snapshot") if peer else ()))
    for size in SIZES:
        found: dict[str, Figures] = {}
        for mode in modes:
            runs = [
                measure(mode, peer, size) for _ in range(SYNCS[size] if mode != "snapshot" else 1)
            ]
            found[mode] = min(runs, key=lambda run: run["first_sync_s"])
            print(json.dumps({"benchmark": "xds", **found[mode]}), flush=True)
        for other in modes[1:]:
            print(json.dumps(ratios(size, other, found["ours"], found[other])), flush=True)
    for mode in modes[:2]:
        print(json.dumps({"benchmark": "xds streams", **streams(mode, peer)}), flush=True)


def ratios(size: int, other: str, ours: Figures, theirs: Figures) -> Figures:
    """Return ours over theirs."""

    def over(*path: str) -> float:
        left, right = ours, theirs
        for step in path:
            left, right = left[step], right[step]
        return round(float(left) / float(right), 3)  # type: ignore[arg-type]  # figures at the end

    return {
        "benchmark": "xds ours over peer",
        "hosts": size,
        "peer": f"{PEER_VERSION} {other}",
        "first_sync": over("first_sync_s"),
        "route_p50": over("route", "p50_ms"),
        "route_p99": over("route", "p99_ms"),
        "endpoint_p50": over("endpoint", "p50_ms"),
        "endpoint_p99": over("endpoint", "p99_ms"),
        "requests_per_second": over("requests", "per_second"),
        "envoy_memory": over("envoy_rss_mib"),
    }


def streams(mode: str, peer: Path | None) -> Figures:
    """Measure many streams on one server, without Envoy."""
    with tempfile.TemporaryDirectory(prefix="lg-bench-") as name:
        folder = Path(name)
        server = rig.Server(command(mode, peer, folder, 2000, (1, rig.free_port())))
        try:
            figures = asyncio.run(fan_out(folder / "xds.sock", server.tell, STREAMS))
        finally:
            server.kill()
        return {"server": mode, "streams": STREAMS, **figures}


if __name__ == "__main__":
    main()
