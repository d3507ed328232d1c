"""Removes what agents published of pods and nodes that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, Metric

from controllers.controller import CONFLICT, NOT_FOUND
from lockgate.sources.kube.access import ApiFault, ApiServer
from lockgate.sources.kube.kinds import Kind, object_path
from lockgate.sources.kube.reflector import Change, Document, Key
from lockgate.sources.kube.work_queue import WorkQueue


@dataclass(frozen=True, slots=True)
class _Published:
    uid: str
    owner: str
    """Uid of the owner, or empty: any of that name."""


class OwnedController:
    """Removes objects of a kind that is named as its owner is, once that is gone.

    Watches of two kinds come in any order, so the server is asked for the owner before its
    object goes.
    """

    def __init__(self, server: ApiServer, published: Kind, owner: Kind) -> None:
        self.name = published.plural
        self.kinds: tuple[Kind, ...] = (owner, published)
        self._server = server
        self._kind, self._owner_kind = published, owner
        self._owners: dict[Key, str] = {}
        self._objects: dict[Key, _Published] = {}
        self._collected = 0
        self.queue: WorkQueue[Key] = WorkQueue(f"collection of {published.plural}", self._write)

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in owners and what is named as they are."""
        for kind, change in changes:
            if kind == self._kind:
                self._take_object(change)
            else:
                self._take_owner(change)
        self.queue.add(
            change.key
            for _, change in changes
            if change.key in self._objects and not self._is_owned(change.key)
        )

    def _take_object(self, change: Change) -> None:
        if change.document is None:
            self._objects.pop(change.key, None)
        else:
            metadata = change.document["metadata"]
            owners = [row["uid"] for row in metadata.get("ownerReferences") or ()]
            self._objects[change.key] = _Published(metadata["uid"], (*owners, "")[0])

    def _take_owner(self, change: Change) -> None:
        if change.document is None:
            self._owners.pop(change.key, None)
        else:
            self._owners[change.key] = change.document["metadata"]["uid"]

    def _is_owned(self, key: Key) -> bool:
        return _owns(self._objects[key], self._owners.get(key))

    async def _write(self, key: Key) -> bool:
        published = self._objects.get(key)
        if published is None or self._is_owned(key):
            return False
        owner = await self._found(object_path(self._owner_kind, *key))
        if owner is not None and _owns(published, owner["metadata"]["uid"]):
            return False
        try:
            await self._server.delete(object_path(self._kind, *key), published.uid)
        except ApiFault as fault:
            if fault.status not in (NOT_FOUND, CONFLICT):
                raise
            return False  # it is gone, or another has its name
        self._collected += 1
        return True

    async def _found(self, path: str) -> Document | None:
        try:
            found: Document = await self._server.get(path)
        except ApiFault as fault:
            if fault.status != NOT_FOUND:
                raise
            return None
        return found

    def metrics(self) -> Iterator[Metric]:
        """Yield how many objects were removed."""
        collected = CounterMetricFamily(
            "lockgate_operator_collected", "Objects removed with their owner.", labels=("kind",)
        )
        collected.add_metric((self._kind.kind,), self._collected)
        yield collected


def _owns(published: _Published, uid: str | None) -> bool:
    return uid is not None and published.owner in ("", uid)
