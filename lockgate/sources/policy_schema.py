"""What policies of our own kinds may hold, field by field as CiliumNetworkPolicy v2."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lockgate.sources.schema import Object, PortNumber, Schema, Selector

MAX_PORTS = 40
Dead = Annotated[list[Any], Field(max_length=0)]
"""Once meant something in the reference, and may only be empty now."""
Prefix = Annotated[str, Field(min_length=1)]


class SecretView(Schema):
    """A Secret by name; the policy's own namespace if none is given."""

    name: str
    namespace: str = ""


class HeaderMatchView(Schema):
    """``headerMatches[]``."""

    name: str
    value: str | None = None
    secret: SecretView | None = None
    mismatch: Literal["LOG", "ADD", "DELETE", "REPLACE"] | None = None


class HttpRuleView(Schema):
    """``rules.http[]``."""

    method: str = ""
    path: str = ""
    host: str = ""
    headers: list[str] = []
    header_matches: list[HeaderMatchView] = []


class KafkaRuleView(Schema):
    """``rules.kafka[]``."""

    role: str = ""
    api_key: str = ""
    api_version: str = ""
    client_id: str = Field(default="", alias="clientID")
    topic: str = Field(default="", max_length=255)


class NameView(Schema):
    """``rules.dns[]`` and ``toFQDNs[]``: exactly one of the two."""

    match_name: str = Field(default="", max_length=255)
    match_pattern: str = Field(default="", max_length=255)


class L7Rules(Schema):
    """``rules``: one kind of them."""

    http: list[HttpRuleView] | None = None
    kafka: list[KafkaRuleView] | None = None
    dns: list[NameView] | None = None


class TlsContextView(Schema):
    """``terminatingTLS`` and ``originatingTLS``."""

    secret: SecretView
    trusted_ca: str = Field(default="ca.crt", alias="trustedCA")
    certificate: str = "tls.crt"
    private_key: str = "tls.key"


class PortView(Schema):
    """``ports[]``; the port is text, as in the reference."""

    port: str = "0"
    end_port: PortNumber | None = None
    protocol: Literal["TCP", "UDP", "SCTP", "ANY"] = "ANY"


class DenyPortsView(Schema):
    """``toPorts[]`` of a deny."""

    ports: list[PortView] = Field(default=[], max_length=MAX_PORTS)


class PortsView(DenyPortsView):
    """``toPorts[]`` of an allow."""

    rules: L7Rules | None = None
    server_names: list[str] = []
    terminating_tls: TlsContextView | None = Field(default=None, alias="terminatingTLS")
    originating_tls: TlsContextView | None = Field(default=None, alias="originatingTLS")


class IcmpView(Schema):
    """``icmps[].fields[]``; a type by number or name."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    type: int | str


class IcmpsView(Schema):
    """``icmps[]``."""

    fields_: list[IcmpView] = Field(default=[], alias="fields", max_length=MAX_PORTS)


class CidrRule(Schema):
    """``fromCIDRSet[]`` and ``toCIDRSet[]``: exactly one of the first three."""

    cidr: str | None = None
    cidr_group_ref: str | None = None
    cidr_group_selector: Selector | None = None
    excluded: list[str] = Field(default=[], alias="except")


EntityName = Literal[
    "all", "world", "world-ipv4", "world-ipv6", "cluster", "cluster-mesh", "host", "remote-node",
    "ingress", "kube-apiserver", "init", "health", "unmanaged", "none",
]  # fmt: skip


class ServiceName(Schema):
    """``toServices[].k8sService``."""

    service_name: str
    namespace: str = ""


class ServiceSelectorView(Schema):
    """``toServices[].k8sServiceSelector``."""

    selector: Selector
    namespace: str = ""


class ServiceView(Schema):
    """``toServices[]``: exactly one of the two."""

    k8s_service: ServiceName | None = Field(default=None, alias="k8sService")
    k8s_service_selector: ServiceSelectorView | None = Field(
        default=None, alias="k8sServiceSelector"
    )


class AuthenticationView(Schema):
    """``authentication``."""

    mode: Literal["disabled", "required", "test-always-fail"]


class _From(Schema):
    endpoints: list[Selector] | None = Field(default=None, alias="fromEndpoints")
    cidr: list[Prefix] | None = Field(default=None, alias="fromCIDR")
    cidr_set: list[CidrRule] | None = Field(default=None, alias="fromCIDRSet")
    entities: list[EntityName] | None = Field(default=None, alias="fromEntities")
    nodes: list[Selector] | None = Field(default=None, alias="fromNodes")
    requires: Dead = Field(default=[], alias="fromRequires")
    icmps: list[IcmpsView] = []


class _To(Schema):
    endpoints: list[Selector] | None = Field(default=None, alias="toEndpoints")
    cidr: list[Prefix] | None = Field(default=None, alias="toCIDR")
    cidr_set: list[CidrRule] | None = Field(default=None, alias="toCIDRSet")
    entities: list[EntityName] | None = Field(default=None, alias="toEntities")
    nodes: list[Selector] | None = Field(default=None, alias="toNodes")
    services: list[ServiceView] | None = Field(default=None, alias="toServices")
    requires: Dead = Field(default=[], alias="toRequires")
    icmps: list[IcmpsView] = []


class IngressEntry(_From):
    """``ingress[]``."""

    to_ports: list[PortsView] = []
    authentication: AuthenticationView | None = None


class IngressDenyEntry(_From):
    """``ingressDeny[]``."""

    to_ports: list[DenyPortsView] = []


class EgressEntry(_To):
    """``egress[]``."""

    names: list[NameView] | None = Field(default=None, alias="toFQDNs")
    to_ports: list[PortsView] = []
    authentication: AuthenticationView | None = None


class EgressDenyEntry(_To):
    """``egressDeny[]``."""

    to_ports: list[DenyPortsView] = []


Entry = IngressEntry | IngressDenyEntry | EgressEntry | EgressDenyEntry


class DefaultDeny(Schema):
    """``enableDefaultDeny``."""

    ingress: bool | None = None
    egress: bool | None = None


class LogView(Schema):
    """``log``."""

    value: str = Field(default="", max_length=32, pattern=r"^[ -~]*$")


class LockgatePolicySpec(Schema):
    """``spec``, and each of ``specs``."""

    endpoint_selector: Selector | None = None
    node_selector: Selector | None = None
    ingress: list[IngressEntry] | None = None
    ingress_deny: list[IngressDenyEntry] | None = None
    egress: list[EgressEntry] | None = None
    egress_deny: list[EgressDenyEntry] | None = None
    enable_default_deny: DefaultDeny = DefaultDeny()
    log: LogView = LogView()
    description: str = ""
    labels: Any = None


class LockgatePolicyObject(Object):
    """LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy."""

    spec: LockgatePolicySpec | None = None
    specs: list[LockgatePolicySpec] = []


class CidrGroupSpec(Schema):
    """``spec`` of a CIDR group."""

    external_cidrs: list[Prefix] = Field(default=[], alias="externalCIDRs")


class CidrGroupObject(Object):
    """LockgateCIDRGroup."""

    spec: CidrGroupSpec
