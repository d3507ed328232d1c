"""Services, EndpointSlices and Secrets, as far as Lockgate reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from lockgate.model.meta import Labels, ObjectRef

Family = Literal["IPv4", "IPv6"]
TrafficPolicy = Literal["Cluster", "Local"]
HEADLESS = "service.kubernetes.io/headless"
_NOT_OURS = ("service.kubernetes.io/service-proxy-name", HEADLESS)
"""Labels by which another proxy, or none, takes care of a Service, whatever their value."""


def family_of(address: str) -> Family:
    """Return the IP family of an address; ValueError: it is none."""
    return "IPv4" if ip_address(address).version == 4 else "IPv6"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; ``target_port`` is a number or the name of a container port."""

    name: str
    port: int
    target_port: int | str
    protocol: str = "TCP"
    app_protocol: str = ""
    node_port: int = 0
    """0: none, or not assigned yet."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a Service is reached, beyond its cluster addresses, and by whom.

    Source: Kubernetes API ``core/v1`` ServiceSpec.
    """

    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    """Of its load balancer, as far as connections to them come to nodes unchanged."""
    source_ranges: tuple[str, ...] = ()
    """Prefixes of the clients outside that may connect; empty: any."""
    ranges_of_all: bool = False
    """They hold for node ports and external addresses too."""
    internal_policy: TrafficPolicy = "Cluster"
    external_policy: TrafficPolicy = "Cluster"
    health_check_port: int = 0
    """0: none, or not assigned yet."""
    allocate_node_ports: bool = True
    direct_return: bool = False
    """Backends answer clients outside themselves (DSR)."""


OPEN = Exposure()


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
    second_cluster_ip: str = ""
    """Of the other IP family than ``cluster_ip``."""
    ip_families: tuple[Family, ...] = ()
    """In order of preference; empty: those of its cluster addresses."""
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] = "SingleStack"
    affinity_s: int = 0
    """How long a client keeps its backend, in seconds; 0: no affinity."""
    publish_not_ready: bool = False
    """Pods are endpoints before they are ready."""
    distribution: Literal["", "PreferClose", "PreferSameZone", "PreferSameNode"] = ""
    exposure: Exposure = OPEN

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Service", self.namespace, self.name)

    @property
    def cluster_ips(self) -> tuple[str, ...]:
        """The addresses it has inside the cluster, the preferred one first."""
        return tuple(filter(None, (self.cluster_ip, self.second_cluster_ip)))

    @property
    def families(self) -> tuple[Family, ...]:
        """The IP families in which it is reached; IPv4 if nothing says so."""
        return self.ip_families or tuple(map(family_of, self.cluster_ips)) or ("IPv4",)

    @property
    def is_proxied(self) -> bool:
        """Whether it has virtual addresses that we forward."""
        if self.cluster_ip is None or self.type == "ExternalName":
            return False
        return not any(key in _NOT_OURS for key, _ in self.labels)

    @property
    def has_node_ports(self) -> bool:
        """Whether each of its ports is to have a node port."""
        return self.is_proxied and (
            self.type == "NodePort"
            or (self.type == "LoadBalancer" and self.exposure.allocate_node_ports)
        )

    @property
    def wants_health_check(self) -> bool:
        """Whether an outside load balancer asks each node for endpoints of it."""
        local = self.exposure.external_policy == "Local"
        return self.is_proxied and self.type == "LoadBalancer" and local


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
    nodes: tuple[str, ...] = ()
    """Nodes whose clients should use it; none given: any."""
    node: str = ""
    """Name of the node it is on, or empty."""
    zone: str = ""


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
    is_proxied: bool = True
    """Whether addresses of Services lead to it; not if it has the label of headless ones."""

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
