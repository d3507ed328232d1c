"""The operator: one of several leads, follows the API server and runs the controllers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import structlog

from controllers.controller import Controller
from controllers.definitions import install_definitions
from controllers.identity_controller import IdentityController
from controllers.load_balanced import read_load_balanced
from controllers.metrics import exposition
from controllers.owned_controller import OwnedController
from controllers.pod_cidr_controller import PodCidrController
from controllers.pod_cidrs import read_pools
from controllers.problem_events import ProblemEvents
from controllers.secret_controller import SecretController
from controllers.service_address_controller import ServiceAddressController
from controllers.serving import Serving
from lockgate.settings import OperatorSettings
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.kinds import ADDRESS_POOL, ENDPOINT, NODE, POD, PUBLISHED_NODE, Kind
from lockgate.sources.kube.lease import Lease
from lockgate.sources.kube.reflector import Change
from lockgate.sources.kube.watches import Watches

log = structlog.get_logger()

LEASE = "lockgate-operator"
_MOST = 2000
"""Objects of one change at most, so that others get a turn between."""


class Operator:
    """Keeps nothing while it does not lead: who comes to lead lists everything afresh.

    So it knows what the one before wrote, up to its last write.

    Raises: ConfigError: a setting that cannot be used.
    """

    def __init__(self, settings: OperatorSettings) -> None:
        self._settings = settings
        self._pools = read_pools(settings.pod_cidr_pools)
        self._server = ApiServer(settings.kubeconfig)
        self._watches: Watches | None = None
        self._events: ProblemEvents | None = None
        self._controllers: tuple[Controller, ...] = ()
        address = settings.operator_address, settings.operator_port
        self.serving = Serving(settings.family, address, self._metrics, self._faults)

    async def run(self) -> None:
        """Run until cancelled; the Lease is given back then.

        Raises: ConfigError: there is no usable kubeconfig, or nothing can be served.
        """
        settings = self._settings
        await self._server.connect()
        try:
            await self.serving.start()
            if settings.leader_elect:
                await Lease(
                    self._server, settings.namespace, LEASE, settings.instance,
                    settings.lease_duration_s,
                ).lead(self._lead)  # fmt: skip
            else:
                await self._lead()
        finally:
            await self.serving.stop()
            await self._server.close()

    async def _lead(self) -> None:
        if self._settings.install_crds:
            await install_definitions(self._server)
        self._events = ProblemEvents(self._server, self._settings.instance)
        self._controllers = tuple(self._build(self._events))
        kinds = [kind for controller in self._controllers for kind in controller.kinds]
        self._watches = Watches(self._server, dict.fromkeys(kinds))
        try:
            await self._watches.start()
            self._dispatch(self._watches.take())
            await self._follow(self._watches, self._events)
        finally:
            await self._watches.close()
            self._watches, self._events, self._controllers = None, None, ()

    async def _follow(self, watches: Watches, events: ProblemEvents) -> None:
        queues = [controller.queue.run() for controller in self._controllers]
        tasks = [asyncio.create_task(work) for work in (*queues, events.queue.run())]
        try:
            while True:
                changed = asyncio.create_task(watches.changed())
                try:
                    await asyncio.wait([changed, *tasks], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                for task in tasks:
                    if task.done():
                        task.result()
                if changed.done():
                    changed.result()
                self._dispatch(watches.take(_MOST))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _build(self, events: ProblemEvents) -> Iterator[Controller]:
        settings, server = self._settings, self._server
        if self._pools:
            yield PodCidrController(server, self._pools, events)
        if settings.address_pools:
            read = partial(
                read_load_balanced,
                our_class=settings.load_balancer_class,
                without_class=settings.load_balancer_default,
            )
            yield ServiceAddressController(server, read, self._pools_are_known, events)
        if settings.ingress_secrets_namespace:
            namespace = settings.ingress_secrets_namespace
            yield SecretController(
                server,
                namespace,
                settings.controller_class,
                compat_cilium=settings.compat_cilium,
            )
        if settings.publish_endpoints:
            yield OwnedController(server, ENDPOINT, POD)
            yield OwnedController(server, PUBLISHED_NODE, NODE)
            yield IdentityController(server, settings.identity_grace_s)

    def _pools_are_known(self) -> bool:
        return self._watches is not None and self._watches.is_served(ADDRESS_POOL)

    def _dispatch(self, changes: list[tuple[Kind, Change]]) -> None:
        for controller in self._controllers:
            kinds = frozenset(controller.kinds)
            controller.take([row for row in changes if row[0] in kinds])

    def _faults(self) -> list[str]:
        return [] if self._watches is None else self._watches.faults

    def _metrics(self) -> bytes:
        return exposition(self._controllers, self._events, len(self._faults()))
