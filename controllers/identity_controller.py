"""Keeps a LockgateIdentity for each set of labels that endpoints have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from controllers.controller import MANAGER, NOT_FOUND
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.kinds import ENDPOINT, IDENTITY, Kind, object_path
from lockgate.sources.kube.reflector import Change, Key
from lockgate.sources.kube.work_queue import WorkQueue


class IdentityController:
    """Writes an identity when the first endpoint has it, and removes it after the last.

    Agents number identities by themselves; what they have in common is the labels, so an
    identity is named by these. Only the operator writes them.

    Args:
        server: that is written to.
        grace_s: how long one stays that no endpoint has.
    """

    name = "identities"
    kinds: tuple[Kind, ...] = (ENDPOINT, IDENTITY)

    def __init__(self, server: ApiServer, grace_s: float) -> None:
        self._server = server
        self._grace_s = grace_s
        self._of_endpoint: dict[Key, str] = {}
        self._users: dict[str, dict[Key, None]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._written: dict[str, str] = {}
        """Uid of each that exists."""
        self._unused_since: dict[str, float] = {}
        self.queue: WorkQueue[Key] = WorkQueue("identities", self._write)

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in endpoints, and what identities there are."""
        for kind, change in changes:
            if kind == ENDPOINT:
                self._take_endpoint(change)
            else:
                self._take_identity(change)

    def _take_endpoint(self, change: Change) -> None:
        before = self._of_endpoint.pop(change.key, "")
        status = (change.document or {}).get("status") or {}
        name = status.get("identity", "")
        if before and before != name:
            del self._users[before][change.key]
            if not self._users[before]:
                del self._users[before]
        if name:
            self._of_endpoint[change.key] = name
            self._users.setdefault(name, {})[change.key] = None
            self._labels[name] = status["labels"]
        if before != name:
            self.queue.add(("", one) for one in (before, name) if one)

    def _take_identity(self, change: Change) -> None:
        name = change.key[1]
        if change.document is None:
            self._written.pop(name, None)
        else:
            self._written[name] = change.document["metadata"]["uid"]
        self.queue.add([("", name)])

    async def _write(self, key: Key) -> bool:
        name = key[1]
        if name in self._users:
            self._unused_since.pop(name, None)
            return name not in self._written and await self._apply(name)
        uid = self._written.get(name)
        if uid is None:
            self._labels.pop(name, None)
            self._unused_since.pop(name, None)
            return False
        now = time.monotonic()
        left = self._unused_since.setdefault(name, now) + self._grace_s - now
        if left > 0:
            asyncio.get_running_loop().call_later(left, self.queue.add, [key])
            return False
        return await self._delete(name, uid)

    async def _apply(self, name: str) -> bool:
        body = {
            "apiVersion": IDENTITY.version,
            "kind": IDENTITY.kind,
            "metadata": {"name": name},
            "status": {"labels": self._labels[name]},
        }
        path = object_path(IDENTITY, "", name)
        await self._server.patch(path, body, APPLY, fieldManager=MANAGER, force="true")
        return True

    async def _delete(self, name: str, uid: str) -> bool:
        try:
            await self._server.delete(object_path(IDENTITY, "", name), uid)
        except ApiFault as fault:
            if fault.status != NOT_FOUND:
                raise
        return True

    def metrics(self) -> Iterator[Metric]:
        """Yield how many identities there are."""
        yield GaugeMetricFamily(
            "lockgate_operator_identities", "Sets of labels that endpoints have.", len(self._users)
        )
