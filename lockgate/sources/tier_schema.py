"""What cluster-wide policies of the tiers may hold.

Source: ``policy.networking.k8s.io``: AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1,
ClusterNetworkPolicy v1alpha2.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lockgate.sources.schema import Object, PortNumber, Protocol, Schema, Selector

MAX_PRIORITY = 1000
Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY)]


class TierPods(Schema):
    """``pods`` of a subject or peer."""

    namespace_selector: Selector
    pod_selector: Selector


class TierSubject(Schema):
    """``subject``: exactly one of the two."""

    namespaces: Selector | None = None
    pods: TierPods | None = None


class TierPeer(TierSubject):
    """An entry of ``from`` or ``to``: exactly one member; the last three are for egress."""

    nodes: Selector | None = None
    networks: list[str] | None = None
    domain_names: list[str] | None = None


class Numbered(Schema):
    """``portNumber``."""

    port: PortNumber
    protocol: Protocol = "TCP"


class Ranged(Schema):
    """``portRange``."""

    start: PortNumber
    end: PortNumber
    protocol: Protocol = "TCP"


class TierPort(Schema):
    """``ports[]`` of v1alpha1: exactly one member."""

    port_number: Numbered | None = None
    port_range: Ranged | None = None
    named_port: str | None = None


class Span(Schema):
    """``range`` of v1alpha2."""

    start: PortNumber
    end: PortNumber


class DestinationPort(Schema):
    """``destinationPort`` of v1alpha2: exactly one member."""

    number: PortNumber | None = None
    range: Span | None = None


class Transport(Schema):
    """``tcp``, ``udp`` and ``sctp`` of v1alpha2; no port means all."""

    destination_port: DestinationPort | None = None


class TierProtocol(Schema):
    """``protocols[]`` of v1alpha2: exactly one member."""

    tcp: Transport | None = None
    udp: Transport | None = None
    sctp: Transport | None = None
    destination_named_port: str | None = None


class TierRule(Schema):
    """What rules of both versions have."""

    name: str = Field(default="", max_length=100)


class AdminIngress(TierRule):
    """``ingress[]`` of v1alpha1."""

    action: Literal["Allow", "Deny", "Pass"]
    peers: list[TierPeer] = Field(alias="from", min_length=1, max_length=100)
    ports: list[TierPort] = Field(default=[], max_length=100)


class AdminEgress(TierRule):
    """``egress[]`` of v1alpha1."""

    action: Literal["Allow", "Deny", "Pass"]
    peers: list[TierPeer] = Field(alias="to", min_length=1, max_length=100)
    ports: list[TierPort] = Field(default=[], max_length=100)


class ClusterIngress(TierRule):
    """``ingress[]`` of v1alpha2."""

    action: Literal["Accept", "Deny", "Pass"]
    peers: list[TierPeer] = Field(alias="from", min_length=1)
    protocols: list[TierProtocol] = []


class ClusterEgress(TierRule):
    """``egress[]`` of v1alpha2."""

    action: Literal["Accept", "Deny", "Pass"]
    peers: list[TierPeer] = Field(alias="to", min_length=1)
    protocols: list[TierProtocol] = []


class AdminSpec(Schema):
    """``spec`` of AdminNetworkPolicy."""

    priority: Priority
    subject: TierSubject
    ingress: list[AdminIngress] = Field(default=[], max_length=100)
    egress: list[AdminEgress] = Field(default=[], max_length=100)


class BaselineSpec(Schema):
    """``spec`` of BaselineAdminNetworkPolicy."""

    subject: TierSubject
    ingress: list[AdminIngress] = Field(default=[], max_length=100)
    egress: list[AdminEgress] = Field(default=[], max_length=100)


class ClusterSpec(Schema):
    """``spec`` of ClusterNetworkPolicy."""

    tier: Literal["Admin", "Baseline"]
    priority: Priority
    subject: TierSubject
    ingress: list[ClusterIngress] = []
    egress: list[ClusterEgress] = []


class AdminObject(Object):
    """AdminNetworkPolicy."""

    spec: AdminSpec


class BaselineObject(Object):
    """BaselineAdminNetworkPolicy; the API knows one, named default."""

    spec: BaselineSpec


class ClusterObject(Object):
    """ClusterNetworkPolicy."""

    spec: ClusterSpec


Rule = AdminIngress | AdminEgress | ClusterIngress | ClusterEgress
