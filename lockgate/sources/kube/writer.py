"""What is written back: the addresses of Ingresses, and Events about what is wrong.

Only the holder of a Lease writes. What is wanted is kept, so that whoever comes to lead writes
what differs; a write that fails is tried again, later and later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import structlog

from lockgate.model.ingress import Ingress
from lockgate.model.meta import Problem
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.events import Regarding, Reporter, event_name, post_event
from lockgate.sources.kube.kinds import INGRESS, object_path
from lockgate.sources.kube.lease import Lease

log = structlog.get_logger()

Key = tuple[str, str]
"""(namespace, name)."""
MANAGER = "lockgate"
CONTROLLER = "lockgate.io/ingress-controller"
_AT_ONCE = 8
_MOST_PER_S = 50.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_REMEMBERED = 20_000
_NOT_FOUND = 404


class StatusWriter:
    """Writes for Ingresses.

    Args:
        server: that is written to.
        lease: held by who may write.
        instance: of this process, for Events.
        declared: the Ingresses as the server has them, with the addresses they show.
    """

    def __init__(
        self,
        server: ApiServer,
        lease: Lease,
        instance: str,
        declared: Callable[[Key], Ingress | None],
    ) -> None:
        self._server = server
        self._lease = lease
        self._reporter = Reporter(CONTROLLER, instance, "Translate")
        self._declared = declared
        self._wanted: dict[Key, tuple[str, ...]] = {}
        self._dirty: dict[Key, None] = {}
        self._problems: dict[str, Problem] = {}
        self._told: dict[str, None] = {}
        self._some = asyncio.Event()
        self._wait_s = _FIRST_WAIT_S
        self.written = 0
        """How many statuses and Events were written so far."""

    def want(self, key: Key, addresses: tuple[str, ...] | None) -> None:
        """Have an Ingress show addresses; None: it is not ours, and what it shows another's."""
        if addresses is None and key not in self._wanted:
            return
        self._wanted[key] = addresses or ()
        self._dirty[key] = None
        self._some.set()

    def tell(self, problems: Iterable[Problem]) -> None:
        """Have an Event for each problem of an Ingress, once."""
        for problem in problems:
            name = event_name(problem)
            if problem.ref.kind == INGRESS.kind and name not in self._told:
                self._problems[name] = problem
                self._some.set()

    async def run(self) -> None:
        """Write whenever the Lease is ours, until cancelled."""
        await self._lease.lead(self._write_forever)

    async def _write_forever(self) -> None:
        self._dirty |= dict.fromkeys(self._wanted)
        self._some.set()
        while True:
            await self._some.wait()
            self._some.clear()
            keys, self._dirty = list(self._dirty), {}
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                results = await asyncio.gather(*map(self._write, part))
                if any(results):
                    await asyncio.sleep(_AT_ONCE / _MOST_PER_S)
                if None in results:
                    await self._later(keys[start:])
                    break
            await self._write_events()

    async def _later(self, keys: list[Key]) -> None:
        self._dirty |= dict.fromkeys(keys)
        await asyncio.sleep(self._wait_s)
        self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
        self._some.set()

    async def _write(self, key: Key) -> bool | None:
        """Write one status; tell whether it was needed, None if it failed."""
        wanted, held = self._wanted.get(key, ()), self._declared(key)
        if held is None:
            self._wanted.pop(key, None)
            return False
        if held.addresses == wanted:
            if not wanted:
                self._wanted.pop(key, None)
            return False
        body = {
            "apiVersion": INGRESS.version,
            "kind": INGRESS.kind,
            "metadata": {"namespace": key[0], "name": key[1]},
            # What is applied no longer is removed, if nobody else has applied it.
            "status": {"loadBalancer": {"ingress": [*map(_shown, wanted)]} if wanted else {}},
        }
        path = f"{object_path(INGRESS, *key)}/status"
        try:
            await self._server.patch(path, body, APPLY, fieldManager=MANAGER, force="true")
        except ApiFault as fault:
            if fault.status == _NOT_FOUND:
                return False  # it is gone, as the watch will tell
            log.warning("status not written", ingress="/".join(key), reason=str(fault))
            return None
        self.written += 1
        self._wait_s = _FIRST_WAIT_S
        return True

    async def _write_events(self) -> None:
        for name, problem in list(self._problems.items()):
            held = self._declared((problem.ref.namespace, problem.ref.name))
            if held is not None and not await self._write_event(problem, held):
                self._some.set()
                await asyncio.sleep(self._wait_s)
                return
            self._problems.pop(name, None)
            self._told[name] = None
            if len(self._told) > _REMEMBERED:
                del self._told[next(iter(self._told))]

    async def _write_event(self, problem: Problem, held: Ingress) -> bool:
        about = Regarding(INGRESS, held.namespace, held.name, held.uid)
        try:
            await post_event(self._server, problem, about, self._reporter)
        except ApiFault as fault:
            log.warning("event not written", ingress=held.ref.path, reason=str(fault))
            return 400 <= fault.status < 500  # a namespace that ends takes no more
        self.written += 1
        return True


def _shown(address: str) -> dict[str, str]:
    try:
        ip_address(address)
    except ValueError:
        return {"hostname": address}
    return {"ip": address}
