"""What requests are forwarded to: clusters of a Service's port, from its EndpointSlices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ingress.options import Options, SecretKey
from lockgate.ir.upstream import (
    PLAIN,
    Certificate,
    ClusterEndpoints,
    ClusterOptions,
    UpstreamTls,
)
from lockgate.model.ingress import ServiceBackend
from lockgate.model.meta import ObjectRef
from lockgate.model.service import EndpointSlice, Service, ServicePort, SliceEndpoint

_HTTP2 = frozenset({"grpc", "h2c", "http2", "kubernetes.io/h2c"})
_TLS = frozenset({"https", "kubernetes.io/wss"})
_TLS_HTTP2 = frozenset({"grpcs", "h2"})

FindService = Callable[[tuple[str, str]], Service | None]


@dataclass(frozen=True, slots=True)
class PortKey:
    """A Service's port as an Ingress names it; its endpoints are shared by all who use it."""

    namespace: str
    service: str
    port: int | str

    @property
    def name(self) -> str:
        """Name of its :class:`ClusterEndpoints`."""
        return f"{self.namespace}/{self.service}/{self.port}"


@dataclass(frozen=True, slots=True)
class BackendKey:
    """A cluster: where its endpoints come from, and how they are talked to."""

    port: PortKey | None
    dns: tuple[str, int] | None = None
    """A host and port outside, instead of the endpoints of a Service."""
    options: ClusterOptions = PLAIN

    @property
    def cluster(self) -> str:
        """Name of the cluster."""
        name = self.port.name if self.port is not None else ":".join(map(str, self.dns or ()))
        if self.port is None:
            name = f"dns/{name}"
        if self.options == PLAIN:
            return name
        digest = hashlib.blake2b(repr(self.options).encode(), digest_size=6).hexdigest()
        return f"{name}?{digest}"


@dataclass(frozen=True, slots=True)
class BackendFault:
    """Why a backend cannot be served; ``field`` is below the backend."""

    field: str
    reason: str
    message: str
    fix: str


def resolve_backend(
    namespace: str, backend: ServiceBackend, options: Options, find_service: FindService
) -> BackendKey | BackendFault:
    """Return the cluster of a backend, or why there is none."""
    service = find_service((namespace, backend.service))
    if service is None:
        return BackendFault(
            "service.name",
            "ServiceNotFound",
            f"there is no Service {namespace}/{backend.service}",
            "create the Service or correct the name",
        )
    port = service_port(service, backend.port)
    if port is None and not (service.type == "ExternalName" and isinstance(backend.port, int)):
        ports = ", ".join(f"{entry.name or '-'}:{entry.port}" for entry in service.ports)
        return BackendFault(
            "service.port",
            "ServicePortNotFound",
            f"{service.ref} has no TCP port {backend.port}",
            f"use one of {ports}" if ports else "give the Service a port",
        )
    talked = cluster_options(namespace, port.app_protocol if port else "", options)
    if service.type == "ExternalName":
        number = port.port if port else int(backend.port)
        host = service.external_name.rstrip(".")
        if talked.tls is not None and not talked.tls.server_name:
            talked = replace(talked, tls=replace(talked.tls, server_name=host))
        return BackendKey(None, (host, number), talked)
    return BackendKey(PortKey(namespace, backend.service, backend.port), None, talked)


def cluster_options(namespace: str, app_protocol: str, options: Options) -> ClusterOptions:
    """Return how a port is talked to: as the annotations say, else as the port does."""
    spoken = app_protocol.lower()
    http2 = spoken in _HTTP2 | _TLS_HTTP2
    protocol = options.protocol or ("http2" if http2 else "http1")
    tls: UpstreamTls | None = None
    if options.backend_tls is not None:
        tls = _backend_tls(namespace, options)
    elif spoken in _TLS | _TLS_HTTP2 and not options.protocol:
        tls = UpstreamTls()
    return replace(options.cluster, protocol=protocol, tls=tls)


def _backend_tls(namespace: str, options: Options) -> UpstreamTls:
    asked = options.backend_tls
    assert asked is not None  # for the type checker
    if asked.secret is None:
        return UpstreamTls(asked.server_name)
    name = f"{namespace}/{asked.secret[1]}"
    return UpstreamTls(asked.server_name, f"{name}/ca" if asked.verify else "", name)


def shown_certificate(
    options: ClusterOptions, find_certificate: Callable[[SecretKey], Certificate | None]
) -> ClusterOptions:
    """Return options that show the backend a certificate only where their Secret holds one.

    Envoy would wait for one that never comes, and meanwhile refuse to connect.
    """
    if options.tls is None or not options.tls.certificate:
        return options
    namespace, _, name = options.tls.certificate.partition("/")
    if find_certificate((namespace, name)) is not None:
        return options
    return replace(options, tls=replace(options.tls, certificate=""))


def service_port(service: Service, port: int | str) -> ServicePort | None:
    """Return a Service's port by number or name."""
    for entry in service.ports:
        if port in (entry.port, entry.name) and entry.protocol == "TCP":
            return entry
    return None


def slice_addresses(
    slices: Iterable[EndpointSlice], port_name: str, protocol: str, zone: str = ""
) -> tuple[tuple[str, int], ...]:
    """Return the ready (address, port) pairs of slices for a Service port, sorted.

    While no endpoint is ready, those that terminate but still serve are used, as Kubernetes does.
    Where every ready endpoint says for which zones it is, those for ``zone`` are used, unless
    there are none.
    """
    ready: list[tuple[SliceEndpoint, int]] = []
    serving: list[tuple[SliceEndpoint, int]] = []
    for entry in slices:
        numbers = [
            port.port
            for port in entry.ports
            if port.name == port_name and port.protocol == protocol
        ]
        for endpoint in entry.endpoints:
            if endpoint.ready:
                ready += [(endpoint, number) for number in numbers]
            elif endpoint.serving and endpoint.terminating:
                serving += [(endpoint, number) for number in numbers]
    found = _near(ready, zone) or serving
    return tuple(sorted({(endpoint.addresses[0], number) for endpoint, number in found}))


def _near(ready: list[tuple[SliceEndpoint, int]], zone: str) -> list[tuple[SliceEndpoint, int]]:
    if not zone or not all(endpoint.zones for endpoint, _ in ready):
        return ready
    return [pair for pair in ready if zone in pair[0].zones] or ready


def cluster_endpoints(
    key: PortKey, service: Service | None, slices: Iterable[EndpointSlice], zone: str = ""
) -> ClusterEndpoints:
    """Return the backends of a Service's port; none if the Service or its port is not there.

    Where the Service has backends in several IP families, those of its preferred one are used,
    so that a pod counts once.
    """
    port = None if service is None else service_port(service, key.port)
    if service is None or port is None:
        return ClusterEndpoints(key.name, ())
    rows = list(slices)
    slices = [row for row in rows if row.address_type == service.families[0]] or rows
    return ClusterEndpoints(key.name, slice_addresses(slices, port.name, port.protocol, zone))


def origin_of(key: BackendKey) -> ObjectRef:
    """Return the object a cluster is there for."""
    if key.port is None:
        return ObjectRef("Service", "", key.cluster)
    return ObjectRef("Service", key.port.namespace, key.port.service)
