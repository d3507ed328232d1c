"""Several kinds watched at once, and their changes gathered by object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.kinds import Kind
from lockgate.sources.kube.reflector import Change, Reflector

_COALESCE_S = 0.002
"""Events that come within this time are one change."""


class Watches:
    """Lists and watches kinds; of an object only what it is like now is kept.

    A kind that the server does not have is asked for again now and then.
    """

    def __init__(self, server: ApiServer, kinds: Iterable[Kind]) -> None:
        self._reflectors = {kind: Reflector(server, kind, self._note) for kind in kinds}
        self._pending: dict[tuple[str, str, str], tuple[Kind, Change]] = {}
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def faults(self) -> list[str]:
        """Why kinds cannot be watched at the moment, by kind."""
        rows = self._reflectors.values()
        return [f"{row.kind.plural}: {row.fault}" for row in rows if row.fault]

    def is_served(self, kind: Kind) -> bool:
        """Say whether the server had a kind when it was last asked."""
        return self._reflectors[kind].served

    async def start(self) -> None:
        """Begin, and return as soon as every kind was listed; wait for the server if need be."""
        for kind, reflector in self._reflectors.items():
            task = asyncio.create_task(reflector.run(), name=f"watch {kind.plural}")
            self._tasks.append(task)
        listed = asyncio.create_task(self._all_listed(), name="listed")
        try:
            await asyncio.wait([listed, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            listed.cancel()
        self._raise_failure()

    async def _all_listed(self) -> None:
        for reflector in self._reflectors.values():
            await reflector.listed.wait()

    async def changed(self) -> None:
        """Return when there is something to take."""
        await self._some.wait()
        await asyncio.sleep(_COALESCE_S)
        self._raise_failure()

    def take(self, most: int | None = None) -> list[tuple[Kind, Change]]:
        """Return what changed, of so many objects at most; the rest is for the next call."""
        keys = list(self._pending)[:most]
        taken = [self._pending.pop(key) for key in keys]
        if not self._pending:
            self._some.clear()
        return taken

    async def close(self) -> None:
        """End all watches."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _raise_failure(self) -> None:
        """Raise what ended a watch: a fault of ours, as those of the server do not."""
        for task in self._tasks:
            if task.done():
                task.result()

    def _note(self, kind: Kind, changes: list[Change]) -> None:
        for change in changes:
            self._pending[kind.kind, *change.key] = kind, change
        self._some.set()
