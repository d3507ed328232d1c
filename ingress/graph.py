"""The derivations from Ingresses, Services, slices and Secrets to IR."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ingress import tls
from ingress.backends import (
    BackendKey,
    PortKey,
    cluster_endpoints,
    origin_of,
    shown_certificate,
)
from ingress.claim import Claim, claim, class_claim, class_of
from ingress.hosts import HostRoutes, host_routes
from ingress.path_routes import Surroundings
from lockgate.ir.http import ANY_HOST
from lockgate.ir.proxy import TlsHost
from lockgate.ir.upstream import Certificate, CertificateAuthority, Cluster, ClusterEndpoints
from lockgate.model.ingress import ClassParameters, Ingress, IngressClass
from lockgate.model.meta import Problem
from lockgate.model.service import EndpointSlice, Secret, Service
from lockgate.model.workload import Node
from lockgate.state import Fetch, Graph, Index, Table
from lockgate.state.table import Group

Key = tuple[str, str]
"""(namespace, name); classes have no namespace."""
_ALL = "all"
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class IngressInputs:
    """The tables that the ingress follows."""

    ingresses: Table[Key, Ingress]
    classes: Table[str, IngressClass]
    parameters: Table[str, ClassParameters]
    services: Table[Key, Service]
    slices: Table[Key, tuple[EndpointSlice, ...]]
    secrets: Table[Key, Secret]
    nodes: Table[str, Node]


@dataclass(frozen=True, slots=True)
class IngressSettings:
    """What the ingress is told."""

    our_class: str = "lockgate"
    node_name: str = ""
    """Whose zone decides which endpoints are near."""
    force_https: bool = False
    https_port: int = 443


class IngressGraph:
    """Tables of IR that follow the declared ones; a change touches only what depends on it."""

    def __init__(self, graph: Graph, settings: IngressSettings, inputs: IngressInputs) -> None:
        self._settings = settings
        self._inputs = inputs
        self._claims(graph)
        self._secrets(graph)
        self._hosts(graph)
        self._upstreams(graph)

    def _claims(self, graph: Graph) -> None:
        inputs = self._inputs
        self._classes = Index(inputs.classes, lambda _key, _row: [_ALL])
        ours = graph.derive(
            "ingresses of ours", inputs.ingresses, self._claim, (self._classes, inputs.parameters)
        ).output
        self.claimed: Table[Key, Claim] = ours
        """The Ingresses that are ours."""
        defaults = graph.derive(
            "class defaults", inputs.classes, self._class_claim, (inputs.parameters,)
        ).output
        self._all_claims = graph.unite("claims", ours, defaults)

    def _secrets(self, graph: Graph) -> None:
        secrets, claims = self._inputs.secrets, self._all_claims
        by_secret: Index[Key, Claim, Key] = Index(claims, lambda _key, row: tls.secrets_of(row))
        self.certificates: Table[Key, Certificate] = graph.derive(
            "certificates", by_secret.groups, self._certificate, (secrets,)
        ).output
        by_authority: Index[Key, Claim, Key] = Index(
            claims, lambda _key, row: tls.authorities_of(row)
        )
        self.authorities: Table[Key, CertificateAuthority] = graph.derive(
            "authorities", by_authority.groups, self._authority, (secrets,)
        ).output
        self.tls: Table[Key, tls.TlsResult] = graph.derive(
            "certificate uses",
            claims,
            self._tls,
            (self.certificates, self.authorities, self._inputs.services),
        ).output

    def _hosts(self, graph: Graph) -> None:
        claims, inputs = self._all_claims, self._inputs
        by_host: Index[Key, Claim, str] = Index(claims, lambda _key, row: row.hosts())
        self._tls_by_host: Index[Key, tls.TlsResult, str] = Index(
            self.tls, lambda _key, row: {use.host for use in row.uses}
        )
        self.hosts: Table[str, HostRoutes] = graph.derive(
            "hosts",
            by_host.groups,
            self._host,
            (claims, inputs.services, inputs.secrets, self._tls_by_host, self.tls),
        ).output

    def _upstreams(self, graph: Graph) -> None:
        inputs = self._inputs
        by_backend: Index[str, HostRoutes, BackendKey] = Index(
            self.hosts, lambda _key, row: row.backends
        )
        by_tls: Index[Key, tls.TlsResult, BackendKey] = Index(
            self.tls, lambda _key, row: row.backends
        )
        used = graph.unite("backends in use", by_backend.groups, by_tls.groups)
        # The cluster's own row does not depend on which hosts use it.
        self.clusters: Table[BackendKey, Cluster] = graph.derive(
            "clusters", used, self._cluster, (self.certificates,)
        ).output
        by_port: Index[BackendKey, Cluster, PortKey] = Index(
            self.clusters, lambda key, _row: [key.port] if key.port is not None else []
        )
        self.endpoints: Table[PortKey, ClusterEndpoints] = graph.derive(
            "cluster endpoints",
            by_port.groups,
            self._endpoints,
            (inputs.services, inputs.slices, inputs.nodes),
        ).output

    def tls_hosts(self) -> tuple[tuple[TlsHost, ...], tuple[Problem, ...]]:
        """Return how each TLS name is taken, and the conflicts about them."""
        return tls.merge(self.tls.values())

    def claims(self) -> Iterable[Claim]:
        """Return what all Ingresses of ours, and their classes, say."""
        return self._all_claims.values()

    def problems(self) -> list[Problem]:
        """Return what is wrong in the Ingresses, sorted."""
        rows: list[Claim | HostRoutes | tls.TlsResult] = [
            *self._all_claims.values(), *self.hosts.values(), *self.tls.values(),
        ]  # fmt: skip
        found = {problem for row in rows for problem in row.problems}
        return sorted({*found, *self.tls_hosts()[1]})

    def expired(self, now: datetime) -> list[Problem]:
        """Return the certificates in use that have expired."""
        by_name = {row.name: row for row in self.certificates.values()}
        return tls.expiry_problems(self.tls.values(), by_name.get, now)

    def _claim(self, _key: Key, ingress: Ingress, fetch: Fetch) -> Claim | None:
        classes = [row for _, row in fetch.group(self._classes, _ALL)]
        ours = class_of(ingress, self._settings.our_class, classes)
        if ours is None:
            return None
        named = ours.parameters
        return claim(ingress, fetch.get(self._inputs.parameters, named) if named else None)

    def _class_claim(self, _key: str, row: IngressClass, fetch: Fetch) -> Claim | None:
        named = row.parameters
        return class_claim(row, fetch.get(self._inputs.parameters, named) if named else None)

    def _certificate(self, key: Key, _users: Group[Key], fetch: Fetch) -> Certificate | None:
        secret = fetch.get(self._inputs.secrets, key)
        return None if secret is None else tls.certificate(secret)

    def _authority(self, key: Key, _users: Group[Key], fetch: Fetch) -> CertificateAuthority | None:
        secret = fetch.get(self._inputs.secrets, key)
        return None if secret is None else tls.authority(secret)

    def _tls(self, _key: Key, row: Claim, fetch: Fetch) -> tls.TlsResult | None:
        return tls.tls_result(
            row,
            lambda key: fetch.get(self.certificates, key),
            lambda key: fetch.get(self.authorities, key) is not None,
            lambda key: fetch.get(self._inputs.services, key),
        )

    def _host(self, host: str, members: Group[Key], fetch: Fetch) -> HostRoutes:
        rows = [fetch.get(self._all_claims, key) for key in members]
        around = Surroundings(
            lambda key: fetch.get(self._inputs.services, key),
            lambda key: fetch.get(self._inputs.secrets, key),
            *self._tls_of(host, fetch),
            self._settings.force_https,
            self._settings.https_port,
        )
        return host_routes(host, [row for row in rows if row is not None], around)

    def _tls_of(self, host: str, fetch: Fetch) -> tuple[bool, str]:
        """Return whether a host has HTTPS, and its TLS name if that demands a certificate."""
        for name in _names_for(host):
            results = [row for _, row in fetch.group(self._tls_by_host, name)]
            chosen, _ = tls.merge(results)
            taken = next((row for row in chosen if row.host == name), None)
            if taken is not None:
                client = taken.client
                return True, name if client is not None and client.required else ""
        return False, ""

    def _cluster(self, key: BackendKey, _users: object, fetch: Fetch) -> Cluster:
        service = "" if key.port is None else key.port.name
        options = shown_certificate(key.options, lambda name: fetch.get(self.certificates, name))
        return Cluster(key.cluster, origin_of(key), service, key.dns, options)

    def _endpoints(
        self, key: PortKey, _clusters: Group[BackendKey], fetch: Fetch
    ) -> ClusterEndpoints:
        service = fetch.get(self._inputs.services, (key.namespace, key.service))
        slices = fetch.get(self._inputs.slices, (key.namespace, key.service))
        node = fetch.get(self._inputs.nodes, self._settings.node_name)
        zone = dict(node.labels).get(ZONE, "") if node is not None else ""
        return cluster_endpoints(key, service, slices or (), zone)


def _names_for(host: str) -> Iterable[str]:
    """Yield the TLS names that could be for a host, the one that decides first."""
    yield host
    if host == ANY_HOST:
        return
    parent = host.removeprefix("*.")
    while "." in parent:
        parent = parent.partition(".")[2]
        yield f"*.{parent}"
    yield ANY_HOST
