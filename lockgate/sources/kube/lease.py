"""Who of several agents may write: the holder of a Lease.

Expiry is judged by how long this process has seen the Lease unchanged, never by comparing clocks.
Source: Kubernetes API, ``coordination.k8s.io/v1``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog

from lockgate.sources.kube.access import ApiFault, ApiServer
from lockgate.sources.kube.kinds import LEASE, object_path

log = structlog.get_logger()

DURATION_S = 15.0
RETRY_S = 2.0
_CONFLICT, _NOT_FOUND = 409, 404


class Lease:
    """One Lease, and whether it is ours.

    Args:
        server: which keeps it.
        namespace: and ``name``: of the Lease.
        identity: of this process among those that want it.
    """

    def __init__(
        self,
        server: ApiServer,
        namespace: str,
        name: str,
        identity: str,
        duration_s: float = DURATION_S,
    ) -> None:
        self._server = server
        self._path = object_path(LEASE, namespace, name)
        self._collection = self._path.rpartition("/")[0]
        self._metadata = {"namespace": namespace, "name": name}
        self._identity = identity
        self._duration_s = duration_s
        self._retry_s = min(RETRY_S, duration_s / 5)
        self._seen: tuple[str, float] = ("", 0.0)
        """Resource version of the Lease, and since when it has been that one."""
        self._renewed = 0.0
        """When it was last taken or renewed by us; 0 if it is another's."""

    async def lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do work whenever the Lease is ours, until cancelled; stop it at once when it is lost."""
        task: asyncio.Task[None] | None = None
        try:
            while True:
                held = await self._try()
                if held and task is None:
                    log.info("leading", lease=self._metadata["name"], identity=self._identity)
                    task = asyncio.create_task(work(), name="leading")
                elif not held and task is not None:
                    log.warning("no longer leading", lease=self._metadata["name"])
                    await _end(task)
                    task = None
                elif task is not None and task.done():
                    task.result()
                await asyncio.sleep(self._retry_s)
        finally:
            if task is not None:
                await _end(task)
                await self._release()

    async def _try(self) -> bool:
        """Take or renew the Lease; tell whether it is ours."""
        now = time.monotonic()
        try:
            self._renewed = now if await self._take(now) else 0.0
        except ApiFault:
            # Nobody else takes it before it has expired for them, later than for us.
            if now - self._renewed >= self._duration_s * 2 / 3:
                self._renewed = 0.0
        return bool(self._renewed)

    async def _take(self, now: float) -> bool:
        try:
            found = await self._server.get(self._path)
        except ApiFault as fault:
            if fault.status != _NOT_FOUND:
                raise
            await self._server.post(self._collection, self._body(None))
            return True
        version = found["metadata"]["resourceVersion"]
        holder = found["spec"].get("holderIdentity", "")
        if version != self._seen[0]:
            self._seen = version, now
        lasts = float(found["spec"].get("leaseDurationSeconds", self._duration_s))
        if holder not in ("", self._identity) and now - self._seen[1] < lasts:
            return False
        try:
            await self._server.put(self._path, self._body(found))
        except ApiFault as fault:
            if fault.status == _CONFLICT:
                return False  # another was faster
            raise
        return True

    def _body(self, found: Any, *, holder: str | None = None) -> dict[str, Any]:
        spec = dict(found["spec"]) if found else {}
        identity = self._identity if holder is None else holder
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if spec.get("holderIdentity") != identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions", 0)) + bool(found)
        spec["holderIdentity"] = identity
        spec["renewTime"] = now
        spec["leaseDurationSeconds"] = max(1, round(self._duration_s))
        metadata = dict(self._metadata)
        if found:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        return {
            "apiVersion": LEASE.version,
            "kind": LEASE.kind,
            "metadata": metadata,
            "spec": spec,
        }

    async def _release(self) -> None:
        """Let another take it without waiting."""
        try:
            found = await self._server.get(self._path)
            if found["spec"].get("holderIdentity") == self._identity:
                await self._server.put(self._path, self._body(found, holder=""))
        except ApiFault as fault:
            log.info("lease not released", reason=str(fault))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
