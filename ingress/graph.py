"""The derivations from Ingresses, Services, slices and Secrets to IR."""

from __future__ import annotations

from ingress.backends import cluster_endpoints
from ingress.claim import host_paths, hosts_of, is_ours
from ingress.hosts import BackendKey, HostRoutes, host_routes
from ingress.tls import TlsResult, certificate, secrets_of, tls_result
from lockgate.ir.proxy import Certificate, Cluster, ClusterEndpoints
from lockgate.model.ingress import Ingress, IngressClass
from lockgate.model.meta import ObjectRef, Problem
from lockgate.model.service import EndpointSlice, Secret, Service
from lockgate.state import Fetch, Graph, Index, Table
from lockgate.state.table import Group

Key = tuple[str, str]
"""(namespace, name)."""
_ALL = "all"


class IngressGraph:
    """Tables of IR that follow the declared ones; a change touches only what depends on it."""

    def __init__(
        self,
        graph: Graph,
        our_class: str,
        *,
        ingresses: Table[Key, Ingress],
        classes: Table[str, IngressClass],
        services: Table[Key, Service],
        slices: Table[Key, tuple[EndpointSlice, ...]],
        secrets: Table[Key, Secret],
    ) -> None:
        self._our_class = our_class
        self._services = services
        self._slices = slices
        self._secrets = secrets
        self._classes = Index(classes, lambda _key, _row: [_ALL])
        self._claimed = graph.derive("ingresses of ours", ingresses, self._claim, (self._classes,))
        claimed = self._claimed.output
        by_host: Index[Key, Ingress, str] = Index(claimed, lambda _key, row: hosts_of(row))
        hosts = graph.derive("hosts", by_host.groups, self._host, (claimed, services))
        self.hosts: Table[str, HostRoutes] = hosts.output
        by_backend: Index[str, HostRoutes, BackendKey] = Index(
            self.hosts, lambda _key, row: row.backends
        )
        # The cluster's own row does not depend on which hosts use it.
        self.clusters: Table[BackendKey, Cluster] = graph.derive(
            "clusters", by_backend.groups, self._cluster
        ).output
        self.endpoints: Table[BackendKey, ClusterEndpoints] = graph.derive(
            "cluster endpoints", self.clusters, self._endpoints, (services, slices)
        ).output
        by_secret: Index[Key, Ingress, Key] = Index(claimed, lambda _key, row: secrets_of(row))
        self.certificates: Table[Key, Certificate] = graph.derive(
            "certificates", by_secret.groups, self._certificate, (secrets,)
        ).output
        self.tls: Table[Key, TlsResult] = graph.derive(
            "certificate uses", claimed, self._tls, (self.certificates,)
        ).output

    def problems(self) -> list[Problem]:
        """Return what is wrong in the Ingresses, sorted."""
        found = [problem for row in self.hosts.values() for problem in row.problems]
        found += [problem for row in self.tls.values() for problem in row.problems]
        return sorted(set(found))

    def _claim(self, _key: Key, ingress: Ingress, fetch: Fetch) -> Ingress | None:
        classes = [row for _, row in fetch.group(self._classes, _ALL)]
        return ingress if is_ours(ingress, self._our_class, classes) else None

    def _host(self, host: str, members: Group[Key], fetch: Fetch) -> HostRoutes:
        rows = [fetch.get(self._claimed.output, key) for key in members]
        paths = [
            path
            for row in rows
            if row is not None
            for path_host, path in host_paths(row)
            if path_host == host
        ]
        return host_routes(host, paths, lambda key: fetch.get(self._services, key))

    def _cluster(self, key: BackendKey, _hosts: Group[str], _fetch: Fetch) -> Cluster:
        return Cluster(key.cluster, ObjectRef("Service", key.namespace, key.service))

    def _endpoints(self, key: BackendKey, _cluster: Cluster, fetch: Fetch) -> ClusterEndpoints:
        service = fetch.get(self._services, (key.namespace, key.service))
        slices = fetch.get(self._slices, (key.namespace, key.service))
        return cluster_endpoints(key, service, slices or ())

    def _certificate(self, key: Key, _users: Group[Key], fetch: Fetch) -> Certificate | None:
        secret = fetch.get(self._secrets, key)
        return None if secret is None else certificate(secret)

    def _tls(self, _key: Key, ingress: Ingress, fetch: Fetch) -> TlsResult | None:
        usable = {key for key in secrets_of(ingress) if fetch.get(self.certificates, key)}
        return tls_result(ingress, usable)
