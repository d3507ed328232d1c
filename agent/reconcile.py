"""From desired state to Envoy and the kernel: only the keys that changed, in a safe order.

New listeners are served before the kernel sends anything to them; what is no longer wanted goes
last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from agent.desired import Desired
from agent.network import host_interface
from agent.proxy_ports import ProxyPorts, pairs_in_use
from bpf.datapath import Datapath
from lockgate.ir.node import Frontend
from lockgate.ir.proxy import CertificateUse, IngressProxy, L7Listener
from lockgate.model.meta import Problem
from lockgate.state import Table
from xds.resource import LISTENER, Resource
from xds.snapshot import SnapshotCache
from xds.translate import clusters, listeners
from xds.translate.routes import route_configuration

K = TypeVar("K")
V = TypeVar("V")

LISTENER_WAIT_S = 3.0
"""How long the kernel waits for Envoy to take a listener; after it, its traffic is dropped."""


class Cursor(Generic[K, V]):
    """Where a reconciler is in a table."""

    def __init__(self, table: Table[K, V]) -> None:
        self.table = table
        self._seen = 0

    def changed(self) -> dict[K, V | None]:
        """Return the keys changed since last time with their rows, None for deleted ones."""
        keys = self.table.changes(self._seen)
        self._seen = self.table.revision
        return {key: self.table.get(key) for key in keys}


class ResourceSync(Generic[K, V]):
    """Keeps the Envoy resources of one table's rows; a row may become several resources."""

    def __init__(self, table: Table[K, V], resources: Callable[[V], Iterable[Resource]]) -> None:
        self._cursor: Cursor[K, V] = Cursor(table)
        self._resources = resources
        self._names: dict[K, set[tuple[str, str]]] = {}

    def collect(self, put: list[Resource], remove: list[tuple[str, str]]) -> None:
        """Add what changed to ``put`` and ``remove``."""
        for key, row in self._cursor.changed().items():
            made = [] if row is None else list(self._resources(row))
            names = {(resource.type_url, resource.name) for resource in made}
            remove += sorted(self._names.pop(key, set()) - names)
            put += made
            if names:
                self._names[key] = names


class ProxyReconciler:
    """Publishes what Envoy must serve."""

    def __init__(self, desired: Desired, cache: SnapshotCache, ports: ProxyPorts) -> None:
        self._desired = desired
        self._cache = cache
        self._ports = ports
        self._policies = Cursor(desired.policy.endpoint_policies)
        self._hosts = Cursor(desired.ingress.hosts)
        self._tls = Cursor(desired.ingress.tls)
        self._listeners: dict[tuple[str, str], L7Listener] = {}
        self._pairs: set[tuple[str, str]] = set()
        self._started = False
        self.problems: tuple[Problem, ...] = ()
        self._syncs: list[ResourceSync[Any, Any]] = [
            ResourceSync(desired.ingress.clusters, lambda row: [clusters.cluster(row)]),
            ResourceSync(desired.ingress.endpoints, lambda row: [clusters.endpoints(row)]),
            ResourceSync(desired.ingress.certificates, lambda row: [clusters.certificate(row)]),
        ]

    async def publish(self) -> list[tuple[str, str]]:
        """Publish everything new or changed; return what is to be removed afterwards."""
        put: list[Resource] = []
        remove: list[tuple[str, str]] = []
        if not self._started:
            put.append(clusters.original_dst_cluster())
        for sync in self._syncs:
            sync.collect(put, remove)
        put += self._ingress()
        new = self._l7_listeners(put, remove)
        self._started = True
        self._cache.update(put, [])
        waits = [self._cache.wait_acked(*name, LISTENER_WAIT_S) for name in new]
        await asyncio.gather(*waits)
        return remove

    def withdraw(self, remove: list[tuple[str, str]]) -> None:
        """Remove what nothing refers to any more."""
        self._ports.release(self._pairs)
        if remove:
            self._cache.update([], remove)

    def _ingress(self) -> list[Resource]:
        made: list[Resource] = []
        if self._hosts.changed() or not self._started:
            hosts = [row.virtual_host for _, row in sorted(self._desired.ingress.hosts.items())]
            routes, self.problems = route_configuration(hosts)
            made.append(routes)
        if self._tls.changed() or not self._started:
            made += listeners.ingress_listeners(self._ingress_proxy())
        return made

    def _ingress_proxy(self) -> IngressProxy:
        settings = self._desired.settings
        uses: dict[str, CertificateUse] = {}
        for _, row in sorted(self._desired.ingress.tls.items()):
            for use in row.uses:
                uses.setdefault(use.host, use)
        return IngressProxy(settings.http_port, settings.https_port, tuple(sorted(uses.values())))

    def _l7_listeners(
        self, put: list[Resource], remove: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        if not self._policies.changed() and self._started:
            return []
        self._pairs = pairs_in_use(self._desired.policy.endpoint_policies.values())
        self._ports.use(self._pairs)
        rule_sets = dict(self._desired.policy.rule_sets.items())
        new: list[tuple[str, str]] = []
        for listener in self._ports.listeners():
            pair = (listener.egress, listener.ingress)
            if pair in self._pairs and self._listeners.get(pair) != listener:
                self._listeners[pair] = listener
                resource = listeners.l7_listener(listener, rule_sets)
                put.append(resource)
                new.append((resource.type_url, resource.name))
        gone = [pair for pair in self._listeners if pair not in self._pairs]
        remove += [(LISTENER, self._listeners.pop(pair).name) for pair in gone]
        return new


class KernelReconciler:
    """Writes what the kernel must enforce."""

    def __init__(self, desired: Desired, datapath: Datapath, ports: ProxyPorts) -> None:
        self._desired = desired
        self._datapath = datapath
        self._ports = ports
        self._policies = Cursor(desired.policy.endpoint_policies)
        self._load_balancers = Cursor(desired.topology.load_balancers)
        self._identities = Cursor(desired.policy.identities)
        self._placed = Cursor(desired.topology.placed)
        self._cidrs = Cursor(desired.policy.cidr_identities)
        self._frontends: dict[Any, set[Frontend]] = {}
        self._addresses: dict[str, str] = {}

    def enforce(self) -> None:
        """Bring the kernel's maps up to date: identities first, then ports, then policies."""
        self._write_ipcache()
        self._datapath.set_proxy_ports(self._ports.by_class())
        for endpoint, policy in self._policies.changed().items():
            pod = self._desired.topology.local.get(endpoint)
            if policy is not None and pod is not None:
                self._datapath.set_endpoint(
                    self._desired.endpoint_id(endpoint),
                    host_interface(endpoint),
                    pod.address,
                    policy,
                    self._ports.class_ids,
                )
        self._write_services()

    def _write_ipcache(self) -> None:
        for cidr, identity in self._cidrs.changed().items():
            self._set_ipcache(cidr, identity)
        changed = {**self._identities.changed(), **self._placed.changed()}
        for endpoint in changed:
            placed = self._desired.topology.placed.get(endpoint)
            identity = self._desired.policy.identities.get(endpoint)
            old = self._addresses.pop(endpoint, "")
            address = placed.pod.address if placed else ""
            if old and old != address:
                self._set_ipcache(f"{old}/32", None)
            if address and identity is not None:
                self._addresses[endpoint] = address
                self._set_ipcache(f"{address}/32", identity)

    def _set_ipcache(self, cidr: str, identity: int | None) -> None:
        if identity is None:
            self._datapath.delete_ipcache(cidr)
        else:
            self._datapath.put_ipcache(cidr, identity)

    def _write_services(self) -> None:
        for key, balancers in self._load_balancers.changed().items():
            wanted = {balancer.frontend for balancer in balancers or ()}
            for balancer in balancers or ():
                self._datapath.put_service(balancer)
            for frontend in self._frontends.pop(key, set()) - wanted:
                self._datapath.delete_service(frontend)
            if wanted:
                self._frontends[key] = wanted
