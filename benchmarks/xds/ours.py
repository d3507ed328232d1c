"""Our server with as many hosts as asked for, told what to change on standard input.

It speaks the language of the peer in ``peer/main.go``: ``route I REVISION``, ``endpoint I PORT``,
``stats`` and ``quit``, each answered by a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource as limits
import sys
import time
from pathlib import Path
from typing import Any

from agent.ingress_routes import IngressRoutes
from ingress.hosts import HostRoutes
from lockgate.ir.http import Forward, PathMatch, Route, Share, VirtualHost
from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from lockgate.state import Table
from xds.resource import LISTENER, Resource, resource
from xds.server import XdsServer
from xds.snapshot import SnapshotCache
from xds.translate.clusters import cluster, endpoints
from xds.translate.http import connection_manager, router
from xds.translate.ingress.shards import scoped_routes, shard_filter
from xds.translate.sockets import address


def host_row(number: int, revision: str = "") -> HostRoutes:
    """Return a host whose one route is at the path ``/revision``."""
    origin = ObjectRef("Ingress", "bench", f"h{number:05}")
    route = Route(PathMatch("prefix", f"/{revision}"), Forward((Share(f"c{number:05}"),)), origin)
    host = VirtualHost(f"h{number:05}.example.test", (route,))
    return HostRoutes(host, frozenset(), ())


def listener(port: int) -> Resource:
    """Return the ingress listener without access log, which the peer's has not either."""
    name = "ingress/http"
    fields: dict[str, Any] = {
        "scoped_routes": scoped_routes(),
        "http_filters": [shard_filter(), router(quiet=False)],
        "use_remote_address": {"value": True},
        "access_log": [],
    }
    chain = {"filters": [connection_manager(name, fields)]}
    made = {"name": name, "address": address("127.0.0.1", port), "filter_chains": [chain]}
    return resource(LISTENER, name, made)


class Bench:
    """The server and what it serves."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.table: Table[str, HostRoutes] = Table("hosts")
        self.cache = SnapshotCache(lambda refusal: print(refusal, file=sys.stderr))
        self.routes = IngressRoutes(self.table, self.cache)
        self.server = XdsServer(Path(options.socket), self.cache)
        self.origin = ObjectRef("Service", "bench", "web")

    def fill(self) -> None:
        """Make everything."""
        made = []
        for number in range(self.options.hosts):
            name = f"c{number:05}"
            made.append(cluster(Cluster(name, self.origin)))
            made.append(self.endpoints(number, self.options.backend))
            row = host_row(number)
            self.table.put(row.virtual_host.host, row)
        self.cache.update([*made, listener(self.options.http_port), *self.routes.collect()])
        self.cache.ready()
        self.cache.unsaved()  # as the agent does, though to the disk

    def endpoints(self, number: int, port: int) -> Resource:
        """Return the one endpoint of a cluster."""
        return endpoints(ClusterEndpoints(f"c{number:05}", (("127.0.0.1", port),)))

    def obey(self, words: list[str]) -> dict[str, Any]:
        """Do what a line says."""
        match words:
            case ["route", number, revision]:
                row = host_row(int(number), revision)
                self.table.put(row.virtual_host.host, row)
                self.cache.update(self.routes.collect())
            case ["endpoint", number, port]:
                self.cache.update([self.endpoints(int(number), int(port))])
            case ["stats"]:
                return self.stats()
        return {"ok": True}

    def stats(self) -> dict[str, Any]:
        """Return CPU, memory and what was sent."""
        used = limits.getrusage(limits.RUSAGE_SELF)
        lines = Path("/proc/self/status").read_text().splitlines()
        memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if "kB" in line}
        return {
            "cpu_s": used.ru_utime + used.ru_stime,
            "rss_mib": memory["VmRSS"],
            "sent_bytes": self.server.sent["bytes"],
            "sent_responses": self.server.sent["responses"],
            "sent_resources": self.server.sent["resources"],
            "streams": self.cache.connected,
            "nacks": len(self.cache.refusals),
            "shards": self.routes.shards,
        }


async def main() -> None:
    """Serve until told to quit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    for name in ("--hosts", "--backend", "--http-port"):
        parser.add_argument(name, type=int, required=True)
    begin = time.perf_counter()
    bench = Bench(parser.parse_args())
    bench.fill()
    gc.freeze()  # as the agent does once it has everything
    await bench.server.start()
    print(json.dumps({"ready": True, "build_ms": (time.perf_counter() - begin) * 1e3}), flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (line := (await reader.readline()).decode().split()) and line != ["quit"]:
        print(json.dumps(bench.obey(line)), flush=True)
    await bench.server.stop()


if __name__ == "__main__":
    asyncio.run(main())
