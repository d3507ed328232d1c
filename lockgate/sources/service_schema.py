"""What Services and EndpointSlices may hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lockgate.sources.schema import (
    LoadBalancedStatus,
    Object,
    OptionalPort,
    PortNumber,
    Protocol,
    Schema,
    StrMap,
    unread,
)

Family = Literal["IPv4", "IPv6"]
TrafficPolicy = Literal["Cluster", "Local"]


class ServicePortView(Schema):
    """``ports[]`` of a Service."""

    port: PortNumber
    name: str = ""
    target_port: int | str | None = None
    protocol: Protocol = "TCP"
    app_protocol: str = ""
    node_port: OptionalPort = 0


class ClientIpView(Schema):
    """``sessionAffinityConfig.clientIP``; three hours unless it says otherwise."""

    timeout_seconds: int = Field(default=10800, ge=1, le=86400)


class AffinityView(Schema):
    """``sessionAffinityConfig``."""

    client_ip: ClientIpView = Field(default=ClientIpView(), alias="clientIP")


class _ServiceSpec(Schema):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    cluster_ip: str = Field(default="", alias="clusterIP")
    cluster_ips: list[str] = Field(default=[], alias="clusterIPs", max_length=2)
    ip_families: list[Family] = Field(default=[], max_length=2)
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] = "SingleStack"
    ports: list[ServicePortView] = []
    selector: StrMap = {}
    external_name: str = ""
    external_ips: list[str] = Field(default=[], alias="externalIPs")
    load_balancer_source_ranges: list[str] = []
    allocate_load_balancer_node_ports: bool = True
    session_affinity: Literal["None", "ClientIP"] = "None"
    session_affinity_config: AffinityView | None = None
    internal_traffic_policy: TrafficPolicy = "Cluster"
    external_traffic_policy: TrafficPolicy | Literal[""] = ""
    health_check_node_port: OptionalPort = 0
    traffic_distribution: str = ""
    publish_not_ready_addresses: bool = False


ServiceSpec = unread("ServiceSpec", _ServiceSpec, "loadBalancerClass", "loadBalancerIP")


class Conditions(Schema):
    """Conditions of a slice's endpoint; unset means ready and serving."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class HintView(Schema):
    """``hints.forZones[]`` and ``hints.forNodes[]``."""

    name: str


class HintsView(Schema):
    """``hints``."""

    for_zones: list[HintView] = []
    for_nodes: list[HintView] = []


class SliceEndpointView(Schema):
    """``endpoints[]``."""

    addresses: list[str] = Field(min_length=1)
    conditions: Conditions = Conditions()
    target_ref: Any = None
    hostname: Any = None
    node_name: str = ""
    zone: str = ""
    hints: HintsView = HintsView()
    deprecated_topology: Any = None


class SlicePort(Schema):
    """``ports[]`` of a slice."""

    port: PortNumber
    name: str = ""
    protocol: Protocol = "TCP"
    app_protocol: str = ""


class ServiceObject(Object):
    """v1 Service."""

    status: LoadBalancedStatus = LoadBalancedStatus()
    spec: ServiceSpec  # type: ignore[valid-type]


class EndpointSliceObject(Object):
    """discovery.k8s.io/v1 EndpointSlice."""

    address_type: Literal["IPv4", "IPv6", "FQDN"] = "IPv4"
    endpoints: list[SliceEndpointView] = []
    ports: list[SlicePort] = []
