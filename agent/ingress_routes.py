"""Keeps Envoy's ingress routes: publishes, grows the number of shards, narrows refusals down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from agent.cursor import Cursor
from ingress.hosts import HostRoutes
from lockgate.model.meta import Problem
from lockgate.state import Table
from xds.resource import EXTENSION, ROUTES, Resource
from xds.route_table import RouteTable
from xds.snapshot import Refusal, SnapshotCache
from xds.translate.ingress.shards import SHARD_FILTER

log = structlog.get_logger()

ACK_WAIT_S = 30.0
"""How long Envoy may take with all routes, or with the suspects of a refusal."""


class IngressRoutes:
    """The routes of all hosts. What takes more than one step runs in tasks of its own."""

    def __init__(
        self, hosts: Table[str, HostRoutes], cache: SnapshotCache, shards: int = 0
    ) -> None:
        self._hosts = Cursor(hosts)
        self._cache = cache
        self._table = RouteTable(self._holds, shards)
        self._switching: asyncio.Task[None] | None = None
        self._isolating: dict[str, asyncio.Task[None]] = {}

    @property
    def shards(self) -> int:
        """Number of shards in use."""
        return self._table.count

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with hosts, sorted."""
        return self._table.problems()

    def _holds(self, item: Resource) -> bool:
        return self._cache.held_version(item.type_url, item.name) == item.version

    def collect(self) -> list[Resource]:
        """Return what changed since the last call, to be published."""
        changes = self._hosts.take()
        self._table.apply(
            {host: None if row is None else row.virtual_host for host, row in changes.items()}
        )
        made = self._table.collect()
        if self._table.next is not None and (self._switching is None or self._switching.done()):
            self._switching = asyncio.create_task(self._switch())
        return made

    async def close(self) -> None:
        """End what is under way; the next agent begins it anew."""
        tasks = [*self._isolating.values(), *([self._switching] if self._switching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _switch(self) -> None:
        """Have Envoy use the next shards once it holds them; then drop the others."""
        for key in self._table.awaited():
            if not await self._cache.wait_acked(*key, ACK_WAIT_S):
                log.warning("envoy does not hold all routes yet", missing=key[1])
                return  # the next change tries again
        selector, old = self._table.switch()
        self._cache.update([selector])
        if await self._cache.wait_acked(EXTENSION, SHARD_FILTER, ACK_WAIT_S):
            self._cache.update(remove=old)

    def refused(self, refusal: Refusal) -> None:
        """Begin to find the hosts at fault, if it is routes that were refused."""
        name = refusal.name
        if refusal.type_url != ROUTES or name in self._isolating:
            return
        task = asyncio.create_task(self._isolate(name, refusal.detail))
        self._isolating[name] = task
        task.add_done_callback(lambda _task: self._isolating.pop(name, None))

    async def _isolate(self, name: str, detail: str) -> None:
        suspects = self._table.suspects(name)
        self._table.exclude(suspects)
        await self._offer(name)
        await self._narrow(name, suspects, detail)

    async def _narrow(self, name: str, refused: Sequence[str], detail: str) -> None:
        """Admit of hosts that were refused together those that Envoy takes, by halving."""
        if len(refused) == 1:
            self._table.reject(refused[0], detail)
            return
        middle = len(refused) // 2
        for part in filter(None, (refused[:middle], refused[middle:])):
            self._table.admit(part)
            if not await self._offer(name):
                refusal = self._cache.refusals.get((ROUTES, name))
                self._table.exclude(part)
                await self._offer(name)
                await self._narrow(name, part, refusal.detail if refusal else detail)

    async def _offer(self, name: str) -> bool:
        self._cache.update([self._table.rebuild(name)])
        return await self._cache.wait_acked(ROUTES, name, ACK_WAIT_S)
