"""Keys to be brought in order, a few at once, each tried again until it succeeds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

import structlog

from lockgate.sources.kube.access import ApiFault

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
_AT_ONCE = 8
_MOST_PER_S = 50.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


class WorkQueue(Generic[K]):
    """Calls a function for each key that was added, once however often that was.

    Args:
        name: for logs.
        handle: brings one key in order and says whether that took a write; a fault of the server
            has it called again, later and later.
    """

    def __init__(self, name: str, handle: Callable[[K], Awaitable[bool]]) -> None:
        self._name = name
        self._handle = handle
        self._due: dict[K, None] = {}
        self._waits: dict[K, float] = {}
        self._later: dict[K, asyncio.TimerHandle] = {}
        self._some = asyncio.Event()
        self._told = ""
        """The last fault that was logged: an outage is one line, not one for each key."""
        self.written = 0
        """How many writes were made."""
        self.faults = 0
        """How often the server did not do what was asked."""

    @property
    def failing(self) -> int:
        """How many keys are to be tried again."""
        return len(self._waits)

    def add(self, keys: Iterable[K]) -> None:
        """Have keys brought in order."""
        self._due |= dict.fromkeys(keys)
        if self._due:
            self._some.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._some.wait()
                part = list(self._due)[:_AT_ONCE]
                for key in part:
                    del self._due[key]
                if not self._due:
                    self._some.clear()
                wrote = await asyncio.gather(*map(self._try, part))
                if any(wrote):
                    await asyncio.sleep(sum(wrote) / _MOST_PER_S)
        finally:
            for handle in self._later.values():
                handle.cancel()

    async def _try(self, key: K) -> bool:
        try:
            wrote = await self._handle(key)
        except ApiFault as fault:
            self.faults += 1
            self._retry(key, fault)
            return True
        self._waits.pop(key, None)
        if wrote:
            self._told = ""
        self.written += wrote
        return wrote

    def _retry(self, key: K, fault: ApiFault) -> None:
        wait = self._waits.get(key, _FIRST_WAIT_S)
        self._waits[key] = min(wait * 2, _LONGEST_WAIT_S)
        if str(fault) != self._told:
            self._told = str(fault)
            log.warning("not written", what=self._name, key=str(key), reason=self._told)
        if key in self._later:
            self._later[key].cancel()
        wait = max(wait, fault.retry_after_s) * random.uniform(0.75, 1.25)
        loop = asyncio.get_running_loop()
        self._later[key] = loop.call_later(wait, self._add_again, key)

    def _add_again(self, key: K) -> None:
        del self._later[key]
        self.add([key])
