"""Follows a source as the agent does, and waits for what it should see."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

from lockgate.model.meta import ObjectRef, Problem
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.source import KubernetesSource
from lockgate.sources.manifests import Delta
from lockgate.sources.parse import Declaration, object_ref

LIMIT_S = 30.0


class Following:
    """What a source has told so far."""

    def __init__(self, source: KubernetesSource) -> None:
        self.source = source
        self.rows: dict[ObjectRef, Declaration] = {}
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self.deleted: list[ObjectRef] = []

    def take(self, delta: Delta) -> None:
        """Take in a change."""
        for ref in delta.delete:
            self.rows.pop(ref, None)
            self.deleted.append(ref)
        self.rows |= {object_ref(row): row for row in delta.put}
        self.problems |= delta.problems

    def names(self, kind: str, namespace: str) -> set[str]:
        """Return the names of objects of a kind."""
        return {ref.name for ref in self.rows if (ref.kind, ref.namespace) == (kind, namespace)}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def following(kubeconfig: object) -> AsyncIterator[Following]:
    """Follow an API server, all objects taken in."""
    async with following_source(KubernetesSource(ApiServer(str(kubeconfig)))) as found:
        yield found


@contextlib.asynccontextmanager
async def following_source(source: KubernetesSource) -> AsyncIterator[Following]:
    """Follow a source, all objects taken in."""
    found = Following(source)
    found.take(await asyncio.wait_for(source.start(), LIMIT_S))

    async def watch() -> None:
        async for delta in source.watch():
            found.take(delta)

    task = asyncio.create_task(watch())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


def run(test: Coroutine[object, object, None]) -> None:
    """Run a test with a limit."""
    asyncio.run(asyncio.wait_for(_settled(test), 120))


async def _settled(test: Coroutine[object, object, None]) -> None:
    await test
    await asyncio.sleep(0.1)  # for TLS connections that are being closed
