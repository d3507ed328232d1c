"""Writes the addresses of Services of type LoadBalancer, and whether their pools are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from controllers.conditions import Condition, Shown, condition_body, condition_of, read_condition
from controllers.controller import MANAGER, NOT_FOUND
from controllers.load_balanced import CONDITION, Key, LoadBalanced
from controllers.problem_events import ProblemEvents
from controllers.service_addresses import AddressDecision, ServiceAddresses
from lockgate.model.address_pool import AddressPool
from lockgate.model.meta import ObjectRef
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.events import Regarding
from lockgate.sources.kube.kinds import ADDRESS_POOL, SERVICE, Kind, object_path
from lockgate.sources.kube.reflector import Change, Document
from lockgate.sources.kube.work_queue import WorkQueue
from lockgate.sources.parse import parse

_VALID = "Valid"
_ASSIGNED = "Assigned", "every address is assigned"


@dataclass(frozen=True, slots=True)
class _PoolStatus:
    """What is to be said of a pool, and what its status says."""

    uid: str
    generation: int
    wanted: Condition
    shown: Shown | None


class ServiceAddressController:
    """Gives load balancers their addresses.

    Args:
        server: that is written to.
        read: a Service from a document.
        pools_are_known: whether the server has the kind of the pools; without it nothing is
            taken from a Service.
        events: for what is wrong.
    """

    name = "service-addresses"
    kinds = (ADDRESS_POOL, SERVICE)

    def __init__(
        self,
        server: ApiServer,
        read: Callable[[Document], LoadBalanced],
        pools_are_known: Callable[[], bool],
        events: ProblemEvents,
    ) -> None:
        self._server = server
        self._read = read
        self._pools_are_known = pools_are_known
        self._events = events
        self._addresses = ServiceAddresses()
        self._services: dict[Key, LoadBalanced] = {}
        self._pools: dict[str, _PoolStatus] = {}
        self.queue: WorkQueue[Key] = WorkQueue("service addresses", self._write)

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in pools first, then Services, of which the older has the better claim."""
        for kind, change in changes:
            if kind == ADDRESS_POOL:
                self._take_pool(change)
        rows: list[LoadBalanced] = []
        for kind, change in changes:
            if kind == SERVICE and change.document is None:
                self._remove(change.key)
            elif kind == SERVICE and change.document is not None:
                rows.append(self._read(change.document))
        for service in sorted(rows, key=lambda row: row.age):
            self._take_service(service)
        self.queue.add(self._addresses.take_again())

    def _take_service(self, service: LoadBalanced) -> None:
        known = self._services.get(service.key)
        if known == service:
            return
        if known is not None and known.uid != service.uid:
            self._remove(service.key)
        if service.is_ours or service.condition is not None or known is not None:
            self._services[service.key] = service
            self._addresses.put(service)

    def _remove(self, key: Key) -> None:
        if self._services.pop(key, None) is not None:
            self._events.forget(ObjectRef(SERVICE.kind, *key))
            self._addresses.remove(key)

    def _take_pool(self, change: Change) -> None:
        name = change.key[1]
        if change.document is None:
            self._pools.pop(name, None)
            self._events.forget(ObjectRef(ADDRESS_POOL.kind, "", name))
            self._addresses.remove_pool(name)
            return
        metadata = {**change.document["metadata"], "managedFields": None}
        whole = {
            **change.document,
            "apiVersion": ADDRESS_POOL.version,
            "kind": ADDRESS_POOL.kind,
            "metadata": metadata,
        }
        _, rows, problems = parse(whole, strict=False)
        for row in rows:
            if isinstance(row, AddressPool):
                self._addresses.put_pool(row)
        self._pools[name] = _PoolStatus(
            metadata["uid"],
            metadata.get("generation", 0),
            condition_of(problems, "Valid", "it is used"),
            read_condition(change.document.get("status") or {}, _VALID),
        )
        about = Regarding(ADDRESS_POOL, "", name, metadata["uid"])
        self._events.show(about, problems)
        self.queue.add([("", name)])

    async def _write(self, key: Key) -> bool:
        if not key[0]:
            return await self._write_pool(key[1])
        if not self._pools_are_known():
            raise ApiFault(
                0, f"{ADDRESS_POOL.kind} is not installed, so addresses stay as they are"
            )
        service = self._services.get(key)
        if service is None:
            return False
        decision = self._addresses.decide(key)
        self.queue.add(self._addresses.take_again())
        problems = decision.problems if decision is not None else ()
        self._events.show(Regarding(SERVICE, *key, service.uid), problems)
        return decision is not None and await self._write_service(service, decision)

    async def _write_service(self, service: LoadBalanced, decision: AddressDecision) -> bool:
        wanted = condition_of(decision.problems, *_ASSIGNED) if decision.is_ours else None
        shown = service.condition.condition if service.condition is not None else None
        if (service.shown, shown) == (decision.addresses, wanted):
            return False
        status: dict[str, Any] = {"loadBalancer": {}}
        if decision.addresses:
            status["loadBalancer"]["ingress"] = [{"ip": one} for one in decision.addresses]
        if wanted is not None:
            body = condition_body(CONDITION, wanted, service.condition, service.generation)
            status["conditions"] = [body]
        return await self._apply_status(SERVICE, service.key, service.uid, status)

    async def _write_pool(self, name: str) -> bool:
        pool = self._pools.get(name)
        if pool is None or (pool.shown is not None and pool.shown.condition == pool.wanted):
            return False
        body = condition_body(_VALID, pool.wanted, pool.shown, pool.generation)
        return await self._apply_status(ADDRESS_POOL, ("", name), pool.uid, {"conditions": [body]})

    async def _apply_status(self, kind: Kind, key: Key, uid: str, status: dict[str, Any]) -> bool:
        """Apply a status; what was applied before and is not now goes."""
        namespace, name = key
        metadata = {"name": name, "uid": uid}
        if namespace:
            metadata["namespace"] = namespace
        body = {"apiVersion": kind.version, "kind": kind.kind, "metadata": metadata}
        path = f"{object_path(kind, namespace, name)}/status"
        query = {"fieldManager": MANAGER, "force": "true"}
        try:
            await self._server.patch(path, {**body, "status": status}, APPLY, **query)
        except ApiFault as fault:
            if fault.status != NOT_FOUND:
                raise
            return False  # it is gone, as the watch will tell
        return True

    def metrics(self) -> Iterator[Metric]:
        """Yield how many addresses are given out, and who lacks one."""
        yield GaugeMetricFamily(
            "lockgate_operator_service_addresses",
            "Addresses of load balancers that are given out.",
            self._addresses.assigned,
        )
        yield GaugeMetricFamily(
            "lockgate_operator_services_without_address",
            "Services that lack an address of their load balancer.",
            self._addresses.lacking,
        )
