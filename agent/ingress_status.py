"""Tells an API server what became of its Ingresses: where they are reached, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agent.cursor import Cursor
from agent.desired import Desired
from lockgate.model.meta import Problem
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.lease import Lease
from lockgate.sources.kube.writer import StatusWriter

LEASE = "lockgate-ingress"


class IngressStatus:
    """Keeps a writer up to date with the Ingresses that are ours.

    Args:
        desired: which Ingresses those are.
        server: that they come from.
        host_addresses: of this node, if nothing better is known.
        problems: all there are at the moment.
    """

    def __init__(
        self,
        desired: Desired,
        server: ApiServer,
        host_addresses: Sequence[str],
        problems: Callable[[], Iterable[Problem]],
    ) -> None:
        self._desired = desired
        self._host_addresses = host_addresses
        self._problems = problems
        settings = desired.settings
        lease = Lease(server, settings.namespace, LEASE, settings.node_name)
        ingresses = desired.declared.ingresses
        self.writer = StatusWriter(server, lease, settings.node_name, ingresses.get)
        self._claimed = Cursor(desired.ingress.claimed)
        self._declared = Cursor(ingresses)
        self._addresses: tuple[str, ...] = ()

    def collect(self, problems: Iterable[Problem]) -> None:
        """Take in what changed, and the problems that came up, since the last call."""
        changed = {*self._claimed.take(), *self._declared.take()}
        addresses = self.addresses()
        if addresses != self._addresses:
            self._addresses = addresses
            changed |= set(self._desired.ingress.claimed.keys())
        for key in changed:
            ours = key in self._desired.ingress.claimed
            self.writer.want(key, addresses if ours else None)
        self.writer.tell(problems)

    def addresses(self) -> tuple[str, ...]:
        """Return where the Ingress is reached: as told, by its Service, or at this node."""
        settings = self._desired.settings
        if settings.ingress_addresses:
            return settings.ingress_addresses
        if settings.ingress_service:
            namespace, _, name = settings.ingress_service.rpartition("/")
            service = self._desired.declared.services.get((namespace, name))
            return service.addresses if service is not None else ()
        node = self._desired.declared.nodes.get(settings.node_name)
        if node is not None and node.addresses:
            return node.addresses
        return tuple(self._host_addresses[:1])

    async def run(self) -> None:
        """Write until cancelled."""
        self.writer.tell(self._problems())
        await self.writer.run()
