"""One kind's objects, listed and then watched for as long as the agent runs.

Nothing that is held is given up because the server cannot be reached, or forgot where the watch
was: a new list is compared with what is held. Source: Kubernetes documentation, "Kubernetes API
Concepts", efficient detection of changes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from lockgate.sources.kube.access import ApiFault, ApiServer
from lockgate.sources.kube.kinds import Kind

log = structlog.get_logger()

Key = tuple[str, str]
"""(namespace, name)."""
Document = Mapping[str, Any]
_PAGE = 500
_WATCH_S = (240, 360)
"""How long one watch lasts; random, so that those of a restart do not end together."""
_SILENCE_S = 30.0
"""Beyond a watch's end after which its connection is taken for dead."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0
_ABSENT_WAIT_S = 10.0
_GONE = 410
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Change:
    """An object as it is now, or None if it is gone."""

    key: Key
    document: Document | None


class Reflector:
    """Tells changes of one kind.

    Args:
        server: which is asked.
        kind: of the objects.
        tell: called with each batch of changes.
    """

    def __init__(
        self, server: ApiServer, kind: Kind, tell: Callable[[Kind, list[Change]], None]
    ) -> None:
        self._server = server
        self.kind = kind
        self._tell = tell
        self._held: dict[Key, str] = {}
        """Resource version of each object."""
        self._version = ""
        """Where to watch from; empty: list first."""
        self._wait_s = _FIRST_WAIT_S
        self.fault = ""
        """Why the server could not be asked the last time, or empty."""
        self.served = True
        """Whether the server had the kind when it was last asked."""
        self.listed = asyncio.Event()
        """Set once the objects are known, or it is known that the server has no such kind."""

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiFault as fault:
                await self._recover(fault)

    async def _recover(self, fault: ApiFault) -> None:
        if fault.status == _GONE:
            self._version = ""
            return
        wait = max(self._wait_s, fault.retry_after_s)
        if fault.status == _NOT_FOUND:
            self._version = ""
            self.served = False
            # The kind is not installed, or no longer: its objects are gone with it.
            self._replace([])
            self.listed.set()
            wait = _ABSENT_WAIT_S
        elif str(fault) != self.fault:
            log.warning("cannot watch", kind=self.kind.kind, reason=str(fault))
        self.fault = "" if fault.status == _NOT_FOUND else str(fault)
        self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
        await asyncio.sleep(wait * random.uniform(0.5, 1.5))

    def _well(self) -> None:
        self._wait_s = _FIRST_WAIT_S
        self.fault = ""

    async def _list(self) -> None:
        found: list[Document] = []
        query = {"limit": str(_PAGE), **self._selection()}
        while True:
            page = await self._server.get(self.kind.path, **query)
            found += page.get("items") or ()
            metadata = page["metadata"]
            if not metadata.get("continue"):
                break
            query["continue"] = metadata["continue"]
        self.served = True
        self._replace(found)
        self._version = metadata["resourceVersion"]
        self.listed.set()
        self._well()

    def _replace(self, documents: Iterable[Document]) -> None:
        changes: list[Change] = []
        seen: set[Key] = set()
        for document in documents:
            key, version = _identity(document)
            seen.add(key)
            if self._held.get(key) != version:
                self._held[key] = version
                changes.append(Change(key, document))
        for key in self._held.keys() - seen:
            del self._held[key]
            changes.append(Change(key, None))
        if changes:
            self._tell(self.kind, changes)

    async def _watch(self) -> None:
        lasts = random.randint(*_WATCH_S)
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(lasts),
            **self._selection(),
        }
        async with self._server.lines(self.kind.path, lasts + _SILENCE_S, **query) as lines:
            self._well()
            async for line in lines:
                self._take(line)

    def _selection(self) -> dict[str, str]:
        return {"fieldSelector": self.kind.fields} if self.kind.fields else {}

    def _take(self, line: bytes) -> None:
        try:
            event = orjson.loads(line)
        except ValueError as error:  # the connection broke in the middle of a line
            raise ApiFault(0, f"unreadable event: {error}") from error
        what, document = event["type"], event["object"]
        if what == "ERROR":
            raise ApiFault(int(document.get("code", 0)), str(document.get("message", "")))
        key, version = _identity(document)
        if what == "DELETED":
            if self._held.pop(key, None) is not None:
                self._tell(self.kind, [Change(key, None)])
        elif what != "BOOKMARK" and self._held.get(key) != version:
            self._held[key] = version
            self._tell(self.kind, [Change(key, document)])
        self._version = version


def _identity(document: Document) -> tuple[Key, str]:
    metadata = document["metadata"]
    return (metadata.get("namespace", ""), metadata.get("name", "")), metadata["resourceVersion"]
