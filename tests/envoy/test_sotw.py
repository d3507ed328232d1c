"""The real Envoy by the state-of-the-world variant: everything works that does by delta."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import xds.envoy
from lockgate.ir.upstream import Cluster
from lockgate.model.meta import ObjectRef
from tests.envoy.live import backend, envoy, free_port, get, run, serving, started, until
from tests.envoy.test_live import TABLE, ingress, routes
from xds.bootstrap import bootstrap
from xds.envoy import EnvoyProcess
from xds.resource import CLUSTER, ROUTES
from xds.snapshot import SnapshotCache
from xds.translate.clusters import cluster

__all__ = ["backend", "envoy"]


def sotw_bootstrap(node: str, xds_socket: Path, admin_socket: Path) -> Any:
    """Return the usual bootstrap, with the other variant."""
    made: Any = bootstrap(node, xds_socket, admin_socket)
    made.dynamic_resources.ads_config.api_type = "GRPC"
    return made


@pytest.mark.envoy
def test_changes_removals_and_a_new_server(
    envoy: EnvoyProcess, backend: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xds.envoy, "bootstrap", sotw_bootstrap)
    port = free_port()
    extra = cluster(Cluster("shop/extra/80", ObjectRef("Service", "shop", "extra")))

    async def status(path: str) -> int:
        return (await asyncio.to_thread(get, port, path))[0]

    async def body() -> None:
        cache = SnapshotCache()
        cache.update([*ingress(port, backend, "/a"), extra])
        cache.ready()
        async with serving(envoy, cache):
            await started(envoy)
            assert await cache.wait_acked(ROUTES, TABLE, 10)
            assert await status("/a") == 200
            cache.update([routes("/b")])
            while await status("/b") != 200:
                await asyncio.sleep(0.02)
            cache.update(remove=[(CLUSTER, extra.name)])
            await until(
                lambda: envoy.admin.stats("cluster_removed")["cluster_manager.cluster_removed"] == 1
            )
            assert await status("/b") == 200
        fresh = SnapshotCache()
        async with serving(envoy, fresh):
            await until(lambda: fresh.connected == 1)
            fresh.update([*ingress(port, backend, "/a"), routes("/b")])
            fresh.ready()
            assert await fresh.wait_acked(ROUTES, TABLE, 10)
            assert await status("/b") == 200
            fresh.update([routes("/c")])
            while await status("/c") != 200:
                await asyncio.sleep(0.02)

    run(body())
