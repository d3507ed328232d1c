"""What each kind may hold. An unknown field is refused, so that a slip cannot go unnoticed.

Fields of the Kubernetes API that Lockgate does not act on are listed and let through unread.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel

Protocol = Literal["TCP", "UDP", "SCTP"]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
OptionalPort = Annotated[int, Field(ge=0, le=65535)]
"""0 is none given."""
StrMap = dict[str, str]


class Schema(BaseModel):
    """Strict in types and names; fields are camelCase in a manifest."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, frozen=True)


def unread(name: str, base: type[Schema], *fields: str) -> Any:
    """Return ``base`` with further fields that may hold anything."""
    extra: dict[str, Any] = {
        f"unread_{number}": (Any, Field(default=None, alias=field))
        for number, field in enumerate(fields)
    }
    return create_model(name, __base__=base, **extra)


class Metadata(Schema):
    """``metadata``; what the API server adds is let through."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
    namespace: str = Field(default="default", pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    labels: StrMap = {}
    annotations: StrMap = {}
    creation_timestamp: Any = None
    generate_name: Any = None
    uid: Any = None
    resource_version: Any = None
    generation: Any = None
    deletion_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    finalizers: Any = None
    owner_references: Any = None
    managed_fields: Any = None
    self_link: Any = None


class MatchExpression(Schema):
    """One entry of ``matchExpressions``."""

    key: str = Field(min_length=1)
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] = []


class Selector(Schema):
    """A label selector."""

    match_labels: StrMap = {}
    match_expressions: list[MatchExpression] = []


# Pods.


class EnvVar(Schema):
    """A variable with a literal value; others are not resolved outside a cluster."""

    name: str
    value: str = ""
    value_from: Any = None


class PodPort(Schema):
    """``containers[].ports[]``."""

    container_port: PortNumber
    name: str = ""
    protocol: Protocol = "TCP"
    host_port: OptionalPort = 0
    host_ip: str = Field(default="", alias="hostIP")


class HttpGet(Schema):
    """``readinessProbe.httpGet``."""

    port: int | str
    path: str = "/"
    host: Any = None
    scheme: Any = None
    http_headers: Any = None


class TcpSocket(Schema):
    """``readinessProbe.tcpSocket``."""

    port: int | str
    host: Any = None


class ReadinessProbe(Schema):
    """``readinessProbe``."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Any = None
    grpc: Any = None
    period_seconds: int = 10
    failure_threshold: int = 3
    success_threshold: Any = None
    initial_delay_seconds: Any = None
    timeout_seconds: Any = None
    termination_grace_period_seconds: Any = None


class _Container(Schema):
    name: str
    command: list[str] = []
    args: list[str] = []
    env: list[EnvVar] = []
    working_dir: str = ""
    ports: list[PodPort] = []
    readiness_probe: ReadinessProbe | None = None


Container = unread(
    "Container", _Container, "image", "imagePullPolicy", "envFrom", "lifecycle", "livenessProbe",
    "resizePolicy", "resources", "restartPolicy", "securityContext", "startupProbe", "stdin",
    "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices",
    "volumeMounts",
)  # fmt: skip


class _PodSpec(Schema):
    containers: list[Container] = Field(min_length=1)  # type: ignore[valid-type]
    service_account_name: str = "default"
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    host_network: bool = False
    node_name: str = ""


PodSpec = unread(
    "PodSpec", _PodSpec, "activeDeadlineSeconds", "affinity", "automountServiceAccountToken",
    "dnsConfig", "dnsPolicy", "enableServiceLinks", "ephemeralContainers", "hostAliases",
    "hostIPC", "hostPID", "hostUsers", "hostname", "imagePullSecrets", "initContainers",
    "nodeSelector", "os", "overhead", "preemptionPolicy", "priority",
    "priorityClassName", "readinessGates", "resourceClaims", "resources", "runtimeClassName",
    "schedulerName", "schedulingGates", "securityContext", "serviceAccount",
    "setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds",
    "tolerations", "topologySpreadConstraints", "volumes",
)  # fmt: skip


class PodIpView(BaseModel):
    """``podIPs[]``."""

    model_config = ConfigDict(extra="ignore")
    ip: str = ""


class PodStatusView(BaseModel):
    """``status``, of which only the phase and the addresses are read."""

    model_config = ConfigDict(extra="ignore")
    phase: str = ""
    pod_ip: str = Field(default="", alias="podIP")
    pod_ips: list[PodIpView] = Field(default=[], alias="podIPs")


# Ingress.


class BackendPort(Schema):
    """A port by number or name, exactly one of them."""

    number: PortNumber | None = None
    name: str = ""


class BackendService(Schema):
    """``backend.service``."""

    name: str
    port: BackendPort


class Backend(Schema):
    """A Service; other resources cannot be served, and are refused by themselves."""

    service: BackendService | None = None
    resource: Any = None


class PathView(Schema):
    """``http.paths[]``."""

    backend: Backend
    path_type: Literal["Exact", "Prefix", "ImplementationSpecific"]
    path: str = ""


class HttpPaths(Schema):
    """``http``."""

    paths: list[PathView] = Field(min_length=1)


class RuleView(Schema):
    """``rules[]``."""

    host: str = ""
    http: HttpPaths | None = None


class TlsView(Schema):
    """``tls[]``."""

    hosts: list[str] = []
    secret_name: str = ""


class IngressSpec(Schema):
    """``spec`` of an Ingress."""

    ingress_class_name: str = ""
    default_backend: Backend | None = None
    rules: list[RuleView] = []
    tls: list[TlsView] = []


class ParametersReference(Schema):
    """``parameters`` of an IngressClass."""

    kind: str
    name: str
    api_group: str = ""
    namespace: str = ""
    scope: str = "Cluster"


class IngressClassSpec(Schema):
    """``spec`` of an IngressClass."""

    controller: str
    parameters: ParametersReference | None = None


class NamespacedService(BackendService):
    """A Service of any namespace."""

    namespace: str


class SecretReference(Schema):
    """A Secret of any namespace."""

    namespace: str
    name: str


class IngressParametersSpec(Schema):
    """``spec`` of LockgateIngressParameters."""

    default_backend: NamespacedService | None = None
    default_certificate: SecretReference | None = None
    annotations: StrMap = {}


# Kubernetes NetworkPolicy.


class IpBlock(Schema):
    """``ipBlock``."""

    cidr: str
    excluded: list[str] = Field(default=[], alias="except")


class PolicyPeer(Schema):
    """An entry of ``from`` or ``to``."""

    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: IpBlock | None = None


class PolicyPort(Schema):
    """An entry of ``ports``; no port means all of the protocol."""

    port: int | str | None = None
    end_port: PortNumber | None = None
    protocol: Protocol = "TCP"


class IngressRuleView(Schema):
    """``ingress[]``."""

    peers: list[PolicyPeer] = Field(default=[], alias="from")
    ports: list[PolicyPort] = []


class EgressRuleView(Schema):
    """``egress[]``."""

    peers: list[PolicyPeer] = Field(default=[], alias="to")
    ports: list[PolicyPort] = []


class NetworkPolicySpec(Schema):
    """``spec`` of a NetworkPolicy."""

    pod_selector: Selector = Selector()
    ingress: list[IngressRuleView] = []
    egress: list[EgressRuleView] = []
    policy_types: list[Literal["Ingress", "Egress"]] | None = None


# Whole objects.


class Object(Schema):
    """What every object has; server-side fields are let through."""

    api_version: str
    kind: str
    metadata: Metadata
    status: Any = None


class NamespaceObject(Object):
    """v1 Namespace."""

    spec: Any = None


class PodObject(Object):
    """v1 Pod."""

    spec: PodSpec  # type: ignore[valid-type]
    status: PodStatusView = PodStatusView()


class NodeAddress(BaseModel):
    """``status.addresses[]``."""

    model_config = ConfigDict(extra="ignore")
    type: str
    address: str


class NodeStatusView(BaseModel):
    """``status``, of which only the addresses are read."""

    model_config = ConfigDict(extra="ignore")
    addresses: list[NodeAddress] = []


class NodeSpecView(BaseModel):
    """``spec``, of which only the prefixes of its pods are read."""

    model_config = ConfigDict(extra="ignore")
    pod_cidr: str = Field(default="", alias="podCIDR")
    pod_cidrs: list[str] = Field(default=[], alias="podCIDRs")


class NodeObject(Object):
    """v1 Node."""

    spec: NodeSpecView = NodeSpecView()
    status: NodeStatusView = NodeStatusView()


class LoadBalancerIngress(Schema):
    """``loadBalancer.ingress[]``."""

    ip: str = ""
    hostname: str = ""
    ip_mode: Literal["VIP", "Proxy"] = "VIP"
    ports: Any = None


class LoadBalancerStatus(Schema):
    """``loadBalancer``."""

    ingress: list[LoadBalancerIngress] = []


class LoadBalancedStatus(Schema):
    """``status``, of which only the addresses are read."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: Any = None

    def addresses(self) -> tuple[str, ...]:
        """Return addresses and host names."""
        return tuple(row.ip or row.hostname for row in self.load_balancer.ingress)


class SecretObject(Object):
    """v1 Secret."""

    type: str = "Opaque"
    data: StrMap = {}
    string_data: StrMap = {}
    immutable: Any = None


class IngressObject(Object):
    """networking.k8s.io/v1 Ingress."""

    status: LoadBalancedStatus = LoadBalancedStatus()
    spec: IngressSpec


class IngressClassObject(Object):
    """networking.k8s.io/v1 IngressClass."""

    spec: IngressClassSpec


class IngressParametersObject(Object):
    """lockgate.io/v1 LockgateIngressParameters."""

    spec: IngressParametersSpec = IngressParametersSpec()


class NetworkPolicyObject(Object):
    """networking.k8s.io/v1 NetworkPolicy."""

    spec: NetworkPolicySpec = NetworkPolicySpec()
