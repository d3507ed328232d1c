"""From desired state to Envoy: only the keys that changed, in a safe order.

New listeners are served before the kernel sends anything to them; what is no longer wanted goes
last, after :mod:`agent.enforce` has turned the kernel away from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from agent.cursor import Cursor
from agent.desired import Desired
from agent.dns_proxy import DnsProxy
from agent.header_secrets import secret_values
from agent.ingress_routes import IngressRoutes
from agent.proxy_ports import ProxyPorts, pairs_in_use
from bpf.host import has_ipv6
from lockgate.ir.proxy import ClientAddress, DnsRuleSet, IngressProxy, L7Listener
from lockgate.state import Table
from xds.resource import LISTENER, Resource
from xds.snapshot import SnapshotCache
from xds.translate import clusters, listeners
from xds.translate.ingress.listeners import ingress_listeners

K = TypeVar("K")
V = TypeVar("V")

LISTENER_WAIT_S = 3.0
"""How long the kernel waits for Envoy to take a listener; after it, its traffic is dropped."""


class ResourceSync(Generic[K, V]):
    """Keeps the Envoy resources of one table's rows; a row may become several resources."""

    def __init__(self, table: Table[K, V], resources: Callable[[V], Iterable[Resource]]) -> None:
        self._cursor: Cursor[K, V] = Cursor(table)
        self._resources = resources
        self._names: dict[K, set[tuple[str, str]]] = {}

    def collect(self, put: list[Resource], remove: list[tuple[str, str]]) -> None:
        """Add what changed to ``put`` and ``remove``."""
        for key, row in self._cursor.take().items():
            made = [] if row is None else list(self._resources(row))
            names = {(resource.type_url, resource.name) for resource in made}
            remove += sorted(self._names.pop(key, set()) - names)
            put += made
            if names:
                self._names[key] = names


class ProxyReconciler:
    """Publishes what Envoy must serve."""

    def __init__(
        self,
        desired: Desired,
        cache: SnapshotCache,
        ports: ProxyPorts,
        dns: DnsProxy,
        shards: int = 0,
    ) -> None:
        self._dns = dns
        self._desired = desired
        self._cache = cache
        self._ports = ports
        self._loopbacks = listeners.LOOPBACKS if has_ipv6() else listeners.LOOPBACKS[:1]
        self._seen_uses = 0
        self.routes = IngressRoutes(desired.screens.hosts, cache, shards)
        self._tls = Cursor(desired.ingress.tls)
        self._secrets = Cursor(desired.declared.secrets)
        self._listeners: dict[tuple[str, str], tuple[L7Listener, Mapping[str, str]]] = {}
        self._pairs: set[tuple[str, str]] = set()
        self._public: set[tuple[str, str]] = set()
        self._started = False
        self._remove: list[tuple[str, str]] = []
        self._syncs: list[ResourceSync[Any, Any]] = [
            ResourceSync(desired.ingress.clusters, lambda row: [clusters.cluster(row)]),
            ResourceSync(desired.ingress.endpoints, lambda row: [clusters.endpoints(row)]),
            ResourceSync(desired.ingress.certificates, lambda row: [clusters.certificate(row)]),
            ResourceSync(desired.ingress.authorities, lambda row: [clusters.authority(row)]),
        ]

    async def publish(self) -> None:
        """Publish everything new or changed, and wait until Envoy serves new listeners."""
        put: list[Resource] = []
        remove = self._remove
        if not self._started:
            put.append(clusters.original_dst_cluster())
        for sync in self._syncs:
            sync.collect(put, remove)
        put += self._ingress(remove)
        new = self._l7_listeners(put, remove)
        self._started = True
        wanted = {(resource.type_url, resource.name) for resource in put}
        remove[:] = [name for name in remove if name not in wanted]
        self._cache.update(put, [])
        await self._dns.serve(self._dns_rule_sets())
        waits = [self._cache.wait_acked(*name, LISTENER_WAIT_S) for name in new]
        await asyncio.gather(*waits)

    def withdraw(self) -> None:
        """Remove what nothing refers to any more; the kernel must have been told before."""
        self._ports.release(self._pairs)
        if self._remove:
            self._cache.update([], self._remove)
            self._remove.clear()

    def _dns_rule_sets(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        found: dict[str, tuple[int, tuple[str, ...]]] = {}
        for name, port in self._ports.dns().items():
            rules = self._desired.policy.rule_sets.get(name)
            if isinstance(rules, DnsRuleSet):
                found[name] = port, rules.patterns
        return found

    def _ingress(self, remove: list[tuple[str, str]]) -> list[Resource]:
        made = self.routes.collect()
        if self._tls.take() or not self._started:
            found = ingress_listeners(self._ingress_proxy())
            names = {(resource.type_url, resource.name) for resource in found}
            remove += sorted(self._public - names)
            self._public = names
            made += found
        return made

    def _ingress_proxy(self) -> IngressProxy:
        settings = self._desired.settings
        return IngressProxy(
            settings.http_port,
            settings.https_port,
            self._desired.ingress.tls_hosts()[0],
            settings.ingress_address,
            ClientAddress(
                settings.ingress_proxy_protocol,
                settings.ingress_trusted_hops,
                settings.ingress_trusted_prefixes,
            ),
            settings.ingress_http3,
            settings.ingress_public_https_port,
            settings.ingress_max_header_kib,
            settings.ingress_max_connections,
            settings.ingress_connections_per_s,
            settings.ingress_access_log,
        )

    def _l7_listeners(
        self, put: list[Resource], remove: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        in_use = self._desired.policy.rule_set_uses == self._seen_uses
        if in_use and not self._secrets.take() and self._started:
            return []
        self._pairs = pairs_in_use(
            self._desired.policy.rule_set_names("egress"),
            self._desired.policy.rule_set_names("ingress"),
        )
        self._ports.use(self._pairs)
        rule_sets = dict(self._desired.policy.rule_sets.items())
        new: list[tuple[str, str]] = []
        for listener in self._ports.listeners():
            pair = (listener.egress, listener.ingress)
            values = secret_values(map(rule_sets.get, pair), self._desired.declared.secrets)
            if pair in self._pairs and self._listeners.get(pair) != (listener, values):
                self._listeners[pair] = listener, values
                resource = listeners.l7_listener(listener, rule_sets, values, self._loopbacks)
                put.append(resource)
                new.append((resource.type_url, resource.name))
        gone = [pair for pair in self._listeners if pair not in self._pairs]
        remove += [(LISTENER, self._listeners.pop(pair)[0].name) for pair in gone]
        self._seen_uses = self._desired.policy.rule_set_uses
        return new
