"""Sharded routes in the real Envoy: who is routed where, growth, refusals, live connections."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.ingress_routes import IngressRoutes
from ingress.hosts import HostRoutes
from lockgate.ir.http import Forward, PathMatch, Route, Share, VirtualHost
from lockgate.ir.proxy import IngressProxy
from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from lockgate.state import Table
from tests.envoy.live import TIMEOUT, backend, envoy, free_port, get, run, serving, started
from xds.envoy import EnvoyProcess
from xds.resource import ROUTES
from xds.route_table import RouteTable
from xds.snapshot import Refusal, SnapshotCache
from xds.store import SnapshotStore
from xds.translate.clusters import cluster, endpoints
from xds.translate.ingress.listeners import ingress_listeners
from xds.translate.ingress.routes import encode_host
from xds.translate.ingress.shards import shard_count, shard_name, shard_of

__all__ = ["backend", "envoy"]
BACKEND = "shop/web/80"


def row(host: str, path: str = "/", *, cluster_name: str = BACKEND) -> HostRoutes:
    """Return a host with one route."""
    origin = ObjectRef("Ingress", "shop", host.replace("*", "any"))
    route = Route(PathMatch("prefix", path), Forward((Share(cluster_name),)), origin)
    return HostRoutes(VirtualHost(host, (route,)), frozenset(), ())


class Ingress:
    """Hosts, published as the agent does."""

    def __init__(self, port: int, backend_port: int, hosts: Iterable[HostRoutes]) -> None:
        self.table: Table[str, HostRoutes] = Table("hosts")
        self.cache = SnapshotCache(self._refused)
        self.routes = IngressRoutes(self.table, self.cache)
        origin = ObjectRef("Service", "shop", "web")
        self.fixed = [
            cluster(Cluster(BACKEND, origin)),
            endpoints(ClusterEndpoints(BACKEND, (("127.0.0.1", backend_port),))),
            *ingress_listeners(IngressProxy(port, port + 1, address="127.0.0.1")),
        ]
        self.put(*hosts)

    def _refused(self, refusal: Refusal) -> None:
        self.routes.refused(refusal)

    def put(self, *hosts: HostRoutes) -> None:
        """Declare hosts, without publishing."""
        for host in hosts:
            self.table.put(host.virtual_host.host, host)

    def publish(self) -> None:
        """Publish what changed."""
        self.cache.update([*self.fixed, *self.routes.collect()])
        self.cache.ready()


def numbered(count: int) -> list[HostRoutes]:
    """Return hosts with numbers."""
    return [row(f"h{number}.test") for number in range(count)]


async def status(port: int, host: str, path: str = "/") -> int:
    """Return the status of one request, 0 without an answer."""
    try:
        return (await asyncio.to_thread(get, port, path, host))[0]
    except ConnectionError:
        return 0


async def until_status(port: int, host: str, wanted: int, path: str = "/") -> None:
    """Wait until a request is answered so."""
    async with asyncio.timeout(TIMEOUT):
        while await status(port, host, path) != wanted:
            await asyncio.sleep(0.01)


@pytest.mark.envoy
@pytest.mark.parametrize("hosts", [3, 700])
def test_every_form_of_a_host_finds_its_routes(
    envoy: EnvoyProcess, backend: int, hosts: int
) -> None:
    """The same in one shard and in many: case, port, trailing dot, wildcard, default, none."""
    port = free_port()

    async def body() -> None:
        ingress = Ingress(port, backend, [*numbered(hosts), row("*.wild.test"), row("*", "/any")])
        ingress.publish()
        assert ingress.routes.shards == shard_count(hosts + 2, 0)
        async with serving(envoy, ingress.cache):
            await started(envoy)
            await until_status(port, "h1.test", 200)
            for host in ("h1.test", "H1.Test", "h1.test:80", "h1.test.", f"h{hosts - 1}.test"):
                assert await status(port, host) == 200, host
            assert await status(port, "a.wild.test") == 200
            assert await status(port, "A.Wild.Test:8080") == 200
            assert await status(port, "a.b.wild.test") == 404
            assert await status(port, "a.b.wild.test", "/any") == 200
            assert await status(port, "other.test") == 404
            assert await status(port, "other.test", "/any") == 200
        await ingress.routes.close()

    run(body())


@pytest.mark.envoy
@pytest.mark.parametrize("hosts", [3, 700])
def test_a_client_cannot_choose_the_shard(envoy: EnvoyProcess, backend: int, hosts: int) -> None:
    """The header is replaced, and the backend does not see it."""
    port = free_port()

    def spoof() -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        try:
            headers = {
                "Host": "h1.test",
                "X-Lockgate-Shard": "999/16",
                "X-Show": "x-lockgate-shard",
            }
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    async def body() -> None:
        ingress = Ingress(port, backend, numbered(hosts))
        ingress.publish()
        async with serving(envoy, ingress.cache):
            await started(envoy)
            await until_status(port, "h1.test", 200)
            answer = await asyncio.to_thread(spoof)
            assert answer[0] == 200
            assert "999" not in answer[1]
        await ingress.routes.close()

    run(body())


async def resharded(ingress: Ingress, count: int) -> None:
    """Publish, and wait until there are so many shards and no others."""
    ingress.publish()
    async with asyncio.timeout(TIMEOUT):
        while len(ingress.cache.of_type(ROUTES)) != count:
            await asyncio.sleep(0.01)


@pytest.mark.envoy
def test_shards_grow_and_shrink_under_traffic(envoy: EnvoyProcess, backend: int) -> None:
    """No request fails, no listener is touched, and the old shards go."""
    port = free_port()

    async def body() -> None:
        ingress = Ingress(port, backend, numbered(10))
        ingress.publish()
        async with serving(envoy, ingress.cache):
            await started(envoy)
            await until_status(port, "h1.test", 200)
            before = envoy.admin.stats("^listener_manager")
            failed, stop = list[int](), asyncio.Event()

            async def hammer() -> None:
                while not stop.is_set():
                    code = await status(port, "h1.test")
                    failed.extend([] if code == 200 else [code])

            work = asyncio.create_task(hammer())
            ingress.put(*numbered(700))
            await resharded(ingress, 16)
            await until_status(port, "h600.test", 200)
            for number in range(5, 700):
                ingress.table.delete(f"h{number}.test")
            await resharded(ingress, 1)
            await until_status(port, "h600.test", 404)
            stop.set()
            await work
            assert failed == []
            after = envoy.admin.stats("^listener_manager")
            for name in ("listener_added", "listener_modified", "listener_in_place_updated"):
                key = f"listener_manager.{name}"
                assert after[key] == before[key]
        await ingress.routes.close()

    run(body())


@pytest.mark.envoy
def test_a_host_that_envoy_refuses_is_found_among_its_shard(
    envoy: EnvoyProcess, backend: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others of the push are served, the refused host stays as it was and is named."""
    port = free_port()

    async def body() -> None:
        ingress = Ingress(port, backend, [*numbered(20), row("bad.test", "/old")])
        ingress.publish()
        async with serving(envoy, ingress.cache):
            await started(envoy)
            await until_status(port, "h1.test", 200)
            assert await status(port, "bad.test", "/old") == 200
            # As if we did not check expressions, so that Envoy is who refuses.
            monkeypatch.setattr("xds.translate.ingress.routes.MAX_REGEX_PROGRAM", 1 << 20)
            wrong = "/" + "[a-z]{900}" * 20
            route = Route(
                PathMatch("regex", wrong),
                Forward((Share(BACKEND),)),
                ObjectRef("Ingress", "shop", "bad"),
            )
            bad = HostRoutes(VirtualHost("bad.test", (route,)), frozenset(), ())
            ingress.put(bad, *(row(f"n{number}.test") for number in range(7)))
            ingress.publish()
            for number in range(7):
                await until_status(port, f"n{number}.test", 200)
            async with asyncio.timeout(TIMEOUT):
                while not ingress.routes.problems():
                    await asyncio.sleep(0.01)
            assert [str(problem.ref) for problem in ingress.routes.problems()] == [
                "Ingress shop/bad"
            ]
            await until_status(port, "bad.test", 200, "/old")
            ingress.put(row("bad.test", "/new"))
            ingress.publish()
            await until_status(port, "bad.test", 200, "/new")
            assert ingress.routes.problems() == ()
        await ingress.routes.close()

    run(body())


@pytest.mark.envoy
def test_a_connection_outlives_every_change_of_routes_and_endpoints(
    envoy: EnvoyProcess, backend: int
) -> None:
    port = free_port()

    async def body() -> None:
        ingress = Ingress(port, backend, numbered(700))
        ingress.publish()
        async with serving(envoy, ingress.cache):
            await started(envoy)
            await until_status(port, "h1.test", 200)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

            def ask() -> int:
                connection.request("GET", "/", headers={"Host": "h1.test"})
                answer = connection.getresponse()
                answer.read()
                return answer.status

            assert await asyncio.to_thread(ask) == 200
            local = connection.sock.getsockname()
            for number in range(5):
                ingress.put(row("h1.test", "/" if number % 2 else ""), row(f"new{number}.test"))
                ingress.fixed[1] = endpoints(
                    ClusterEndpoints(BACKEND, (("127.0.0.1", backend), ("127.0.0.2", backend)))
                    if number % 2
                    else ClusterEndpoints(BACKEND, (("127.0.0.1", backend),))
                )
                ingress.publish()
                await until_status(port, f"new{number}.test", 200)
                assert await asyncio.to_thread(ask) in (200, 503)
                assert connection.sock is not None
                assert connection.sock.getsockname() == local
            connection.close()
        await ingress.routes.close()

    run(body())


@pytest.mark.envoy
def test_an_envoy_that_starts_without_sources_serves_the_kept_snapshot(
    envoy: EnvoyProcess, backend: int, tmp_path: Path
) -> None:
    """Agent and Envoy both start anew and the sources are silent: what was served is served."""
    port = free_port()

    async def body() -> None:
        before = Ingress(port, backend, numbered(200))
        before.publish()
        store = SnapshotStore(tmp_path / "snapshot.db")
        store.save(*before.cache.unsaved())
        await before.routes.close()
        cache = SnapshotCache()
        cache.restore(SnapshotStore(tmp_path / "snapshot.db").load())
        async with serving(envoy, cache) as server:
            await started(envoy)
            await until_status(port, "h1.test", 200)
            assert await status(port, "h150.test") == 200
            sent = server.sent["responses"]
            after = Ingress(port, backend, numbered(199))
            cache.update([*after.fixed, *after.routes.collect()])
            cache.ready()
            await until_status(port, "h199.test", 404)
            assert await status(port, "h150.test") == 200
            assert server.sent["responses"] - sent <= 2
            await after.routes.close()

    run(body())


def test_python_and_lua_agree_on_shards_by_number() -> None:
    """Shards are filled evenly: the fullest of 256 has less than twice the mean."""
    filled = [0] * 256
    for number in range(10_000):
        filled[shard_of(f"h{number:05}.example.test", 256)] += 1
    assert max(filled) < 2 * 10_000 / 256


def test_one_host_costs_one_shard() -> None:
    table = RouteTable(lambda _item: True)
    table.apply({entry.virtual_host.host: entry.virtual_host for entry in numbered(5000)})
    assert len([item for item in table.collect() if item.type_url == ROUTES]) == table.count == 256
    table.apply({"h7.test": row("h7.test", "/new").virtual_host})
    assert [item.name for item in table.collect()] == [shard_name(shard_of("h7.test", 256), 256)]
    assert encode_host(row("h7.test").virtual_host).problems == ()
