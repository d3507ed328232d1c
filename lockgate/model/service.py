"""Services, EndpointSlices and Secrets, as far as Lockgate reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockgate.model.meta import Labels, ObjectRef


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; ``target_port`` is a number or the name of a container port."""

    name: str
    port: int
    target_port: int | str
    protocol: str = "TCP"
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service. ``cluster_ip`` is empty until one is assigned and ``None`` for headless ones."""

    namespace: str
    name: str
    type: str = "ClusterIP"
    cluster_ip: str | None = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Labels = ()
    """Empty: no selector, so EndpointSlices are declared by somebody."""
    external_name: str = ""
    labels: Labels = ()
    addresses: tuple[str, ...] = ()
    """Of its load balancer, as its status shows: addresses and host names."""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Service", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One backend of an EndpointSlice."""

    addresses: tuple[str, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    target: str = ""
    """Name of the pod behind it, in the slice's namespace, or empty."""
    zones: tuple[str, ...] = ()
    """Zones whose clients should use it; none given: any."""


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """A port of every backend in a slice."""

    name: str
    port: int
    protocol: str = "TCP"
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """Backends of a Service; ``service`` is the label ``kubernetes.io/service-name``."""

    namespace: str
    name: str
    service: str
    address_type: str = "IPv4"
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[SliceEndpoint, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("EndpointSlice", self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret; its values never show in a representation."""

    namespace: str
    name: str
    type: str = "Opaque"
    data: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Secret", self.namespace, self.name)

    def value(self, key: str) -> bytes | None:
        """Return one value, or None."""
        return dict(self.data).get(key)
