"""A real Envoy against our server, in a directory of its own."""

from __future__ import annotations

import asyncio
import os
import signal

from lockgate.ir.http import Forward, PathMatch, Route, Share, VirtualHost
from lockgate.ir.proxy import HttpMatch, HttpRuleSet, IngressProxy, L7Listener
from lockgate.ir.upstream import Cluster, ClusterEndpoints
from lockgate.model.meta import ObjectRef
from tests.envoy.live import TIMEOUT, backend, envoy, free_port, get, run, serving, started, until
from xds.access_log import HttpLogEntry
from xds.envoy import EnvoyProcess
from xds.log_sampling import LEAST_SHARE, SHARE_KEY, share_value
from xds.resource import CLUSTER, LISTENER, ROUTES, Resource, resource
from xds.snapshot import Refusal, SnapshotCache
from xds.translate.clusters import cluster, endpoints, original_dst_cluster
from xds.translate.ingress.listeners import HTTP_LISTENER, ingress_listeners
from xds.translate.ingress.routes import encode_host, joined_hosts
from xds.translate.ingress.shards import scope, shard_name, shard_selector
from xds.translate.listeners import l7_listener

SHOP = ObjectRef("Ingress", "shop", "web")
BACKEND = "shop/web/80"
__all__ = ["backend", "envoy"]
TABLE = shard_name(0, 1)


def routes(*paths: str) -> Resource:
    """Return the route configuration that serves some prefixes of one host."""
    made = tuple(
        Route(PathMatch("prefix", path), Forward((Share(BACKEND),)), SHOP) for path in paths
    )
    return joined_hosts(TABLE, [encode_host(VirtualHost("shop.test", made))])


def ingress(http_port: int, backend_port: int, *paths: str) -> list[Resource]:
    """Return all that an ingress for one backend needs."""
    return [
        cluster(Cluster(BACKEND, SHOP)),
        endpoints(ClusterEndpoints(BACKEND, (("127.0.0.1", backend_port),))),
        *ingress_listeners(IngressProxy(http_port, http_port + 1, address="127.0.0.1")),
        scope(0, 1),
        shard_selector(1),
        routes(*paths),
    ]


def test_ingress_routes_logs_and_changes(envoy: EnvoyProcess, backend: int) -> None:
    """Requests reach the backend; others get 404; a changed route takes effect."""
    port, logged = free_port(), list[HttpLogEntry]()

    async def body() -> None:
        cache = SnapshotCache()
        cache.update(ingress(port, backend, "/a"))
        cache.ready()
        async with serving(envoy, cache, logged.append):
            assert envoy.paths.xds_socket.stat().st_mode & 0o777 == 0o600
            await started(envoy)
            assert await cache.wait_acked(LISTENER, HTTP_LISTENER, TIMEOUT)
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)
            status, text = await asyncio.to_thread(get, port, "/a/b?c")
            # For a client on loopback Envoy names the host's own address.
            assert (status, text.split(" for ")[0]) == (200, "/a/b?c")
            assert text.split(" for ")[1]
            assert (await asyncio.to_thread(get, port, "/ab"))[0] == 404
            assert (await asyncio.to_thread(get, port, "/a", "other.test"))[0] == 404
            assert (await asyncio.to_thread(get, port, "/a", "Shop.test:8080"))[0] == 200
            await until(lambda: len(logged) == 4)
            cache.update([routes("/ab")])
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)
            while (await asyncio.to_thread(get, port, "/ab"))[0] != 200:
                await asyncio.sleep(0.02)

    run(body())
    first = logged[0]
    assert (first.listener, first.method, first.path) == (HTTP_LISTENER, "GET", "/a/b?c")
    assert (first.status, first.authority, first.source) == (200, "shop.test", "127.0.0.1")
    assert (first.destination, first.destination_port) == ("127.0.0.1", port)
    assert first.detail == "via_upstream"


def test_a_share_of_the_requests_is_logged(envoy: EnvoyProcess, backend: int) -> None:
    """A busy Envoy is told to report fewer requests, and then all again."""
    port, logged = free_port(), list[HttpLogEntry]()

    async def body() -> None:
        cache = SnapshotCache()
        cache.update(ingress(port, backend, "/"))
        cache.ready()
        async with serving(envoy, cache, logged.append):
            await started(envoy)
            assert await cache.wait_acked(LISTENER, HTTP_LISTENER, TIMEOUT)
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)

            async def ask(times: int, share: float) -> None:
                envoy.admin.set_runtime(SHARE_KEY, share_value(share))
                for _ in range(times):
                    assert (await asyncio.to_thread(get, port, "/"))[0] == 200

            await ask(40, LEAST_SHARE)
            await ask(5, 1.0)
            await until(lambda: len(logged) >= 5)
            assert len(logged) < 25

    run(body())


def test_new_server_sends_nothing_and_loses_nothing(envoy: EnvoyProcess, backend: int) -> None:
    """Envoy serves without us; the next server, with equal content, sends nothing."""
    port = free_port()

    async def body() -> None:
        cache = SnapshotCache()
        cache.update(ingress(port, backend, "/a"))
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)
        assert (await asyncio.to_thread(get, port, "/a"))[0] == 200
        assert not await asyncio.to_thread(envoy.ensure)
        fresh = SnapshotCache()
        async with serving(envoy, fresh) as server:
            await until(lambda: fresh.connected == 1)
            await asyncio.sleep(0.5)  # time in which a wrong server would withdraw everything
            assert (await asyncio.to_thread(get, port, "/a"))[0] == 200
            fresh.update(ingress(port, backend, "/a"))
            fresh.ready()
            assert await fresh.wait_acked(ROUTES, TABLE, TIMEOUT)
            assert await fresh.wait_acked(LISTENER, HTTP_LISTENER, TIMEOUT)
            assert server.sent["responses"] == 0
            assert (await asyncio.to_thread(get, port, "/a"))[0] == 200
            fresh.update(remove=[(LISTENER, HTTP_LISTENER)])
            await until(lambda: fresh.held_version(LISTENER, HTTP_LISTENER) is None)

    run(body())


def test_a_refused_resource_leaves_the_others(envoy: EnvoyProcess, backend: int) -> None:
    """One faulty cluster among many is named with its origin; all others are applied."""
    port = free_port()
    refused: list[Refusal] = []
    bad = ObjectRef("Service", "shop", "bad")

    async def body() -> None:
        cache = SnapshotCache(refused.append)
        # No field rule forbids it, yet Envoy fails the whole response for it.
        faulty = {
            "name": "bad",
            "type": "STATIC",
            "common_lb_config": {"update_merge_window": {"seconds": -1}},
        }
        cache.update([resource(CLUSTER, "bad", faulty, (bad,))])
        cache.update(cluster(Cluster(f"shop/c{number}/80", SHOP)) for number in range(20))
        cache.update(ingress(port, backend, "/a"))
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)
            assert (await asyncio.to_thread(get, port, "/a"))[0] == 200
            assert not await cache.wait_acked(CLUSTER, "bad", TIMEOUT)
            held = [cache.held_version(CLUSTER, f"shop/c{number}/80") for number in range(20)]
            assert all(held)

    run(body())
    assert [(it.name, it.origin, it.by) for it in refused] == [("bad", (bad,), "envoy")]
    assert "positive duration" in refused[0].detail


def test_envoy_is_started_again_when_it_died(envoy: EnvoyProcess, backend: int) -> None:
    """A dead Envoy is replaced and gets everything anew."""
    port = free_port()

    async def body() -> None:
        cache = SnapshotCache()
        cache.update(ingress(port, backend, "/a"))
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            pid = envoy.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: envoy.pid is None)
            assert await asyncio.to_thread(envoy.ensure)
            await asyncio.to_thread(envoy.wait_ready)
            assert await cache.wait_acked(ROUTES, TABLE, TIMEOUT)
            assert (await asyncio.to_thread(get, port, "/a"))[0] == 200
            assert envoy.admin.stats("listener_added")["listener_manager.listener_added"] == 1

    run(body())


def test_l7_listener_denies(envoy: EnvoyProcess) -> None:
    """What no rule allows is answered by Envoy itself, with our body."""
    port = free_port()
    rules = HttpRuleSet("r1", (HttpMatch("GET", "/public.*"),))

    async def body() -> None:
        cache = SnapshotCache()
        listener = l7_listener(L7Listener(port, "", "r1"), {"r1": rules})
        cache.update([original_dst_cluster(), listener])
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            assert await cache.wait_acked(LISTENER, listener.name, TIMEOUT)
            denied = await asyncio.to_thread(get, port, "/private")
            assert denied == (403, "Access denied\r\n")

    run(body())
