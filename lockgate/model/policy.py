"""Policies of every kind in one form: a subject, and entries that allow or deny.

Kubernetes NetworkPolicy, LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy are all read
into :class:`Policy`, so that the engine knows one kind. Selectors here match *identity labels*:
a pod's labels under their plain keys, and

- ``io.kubernetes.pod.namespace``: the namespace,
- ``io.cilium.k8s.policy.serviceaccount``: the service account,
- ``io.cilium.k8s.namespace.labels.KEY``: the namespace's own labels,
- ``reserved:NAME`` with an empty value: the reserved identities (``reserved:host``, ...),
- ``node:KEY``: the labels of a node, beside ``reserved:remote-node``.

A namespaced policy's selectors are already narrowed to its namespace when they arrive here.
What names other objects (CIDR groups, Services) is replaced by what those objects hold in
:mod:`lockgate.policy.expand`, before the engine sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockgate.model.meta import Labels, ObjectRef
from lockgate.model.selector import LabelSelector

NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
SERVICE_ACCOUNT_LABEL = "io.cilium.k8s.policy.serviceaccount"
NAMESPACE_LABELS_PREFIX = "io.cilium.k8s.namespace.labels."
RESERVED_PREFIX = "reserved:"
NODE_LABELS_PREFIX = "node:"

Direction = Literal["ingress", "egress"]
Action = Literal["allow", "deny", "pass"]
"""``pass`` leaves the decision to the next tier; only rules of the admin tier say it."""
Tier = Literal["admin", "normal", "baseline"]
"""The first tier that decides holds. Baseline rules hold where no normal policy isolates."""
Protocol = Literal["TCP", "UDP", "SCTP", "ANY"]
Mismatch = Literal["FAIL", "LOG", "ADD", "DELETE", "REPLACE"]
Authentication = Literal["disabled", "required", "test-always-fail"]
Entity = Literal[
    "all", "world", "world-ipv4", "world-ipv6", "cluster", "cluster-mesh", "host", "remote-node",
    "ingress", "kube-apiserver", "init", "health", "unmanaged", "none",
]  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class CidrBlock:
    """An address block less some blocks inside it, in CIDR notation.

    With ``pods`` it holds for pods' addresses too, as an ``ipBlock`` of a Kubernetes
    NetworkPolicy does; without, only for what is no endpoint of the cluster.
    """

    cidr: str
    excluded: tuple[str, ...] = ()
    pods: bool = False


@dataclass(frozen=True, slots=True, order=True)
class CidrGroupReference:
    """The blocks of one CIDR group by ``name``, or of every group that ``selector`` selects."""

    name: str = ""
    selector: LabelSelector | None = None
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ServiceReference:
    """The backends of Services: of one by name, or of those a selector of labels selects.

    An empty ``namespace`` beside a selector means every namespace.
    """

    namespace: str
    name: str = ""
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, order=True)
class NamePattern:
    """DNS names, lower-case and without a trailing dot.

    ``*`` stands for any characters within one label, ``**.`` at the start for any number of
    labels but not none, and ``*`` alone for every name.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Peers:
    """The other end: whoever any member selects. With no member at all: nobody."""

    selectors: tuple[LabelSelector, ...] = ()
    cidrs: tuple[CidrBlock, ...] = ()
    entities: tuple[Entity, ...] = ()
    names: tuple[NamePattern, ...] = ()
    nodes: tuple[LabelSelector, ...] = ()
    """Selectors of nodes' own labels."""
    groups: tuple[CidrGroupReference, ...] = ()
    services: tuple[ServiceReference, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """Ports of a protocol. ``port`` 0 is every port, a string names a container port."""

    port: int | str
    protocol: Protocol = "ANY"
    end_port: int = 0
    """Last port of a range, or 0 for a single port."""


@dataclass(frozen=True, slots=True, order=True)
class IcmpType:
    """One type of ICMP (``IPv4``) or ICMPv6 (``IPv6``) message, by number."""

    family: Literal["IPv4", "IPv6"]
    type: int


@dataclass(frozen=True, slots=True, order=True)
class SecretReference:
    """A Secret that holds a value or a certificate."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class HeaderRule:
    """A header and the value it should have; ``value`` None means any.

    ``mismatch`` says what becomes of a request whose header differs: ``FAIL`` refuses it, the
    others let it pass and log, add, delete or replace the header.
    """

    name: str
    value: str | None = None
    secret: SecretReference | None = None
    mismatch: Mismatch = "FAIL"


@dataclass(frozen=True, slots=True, order=True)
class HttpRule:
    """All members must hold. Expressions match the whole text (RE2); empty means anything."""

    method: str = ""
    path: str = ""
    host: str = ""
    headers: tuple[HeaderRule, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class KafkaRule:
    """Requests of these API keys that name only this topic; empty members mean anything.

    ``api_keys`` are numbers of the Kafka protocol; ``role`` was replaced by the keys it means.
    """

    api_keys: tuple[int, ...] = ()
    api_version: int | None = None
    client_id: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, order=True)
class DnsRule:
    """Queries for these names, whatever their type."""

    name: NamePattern


L7Rule = HttpRule | KafkaRule | DnsRule


@dataclass(frozen=True, slots=True, order=True)
class TlsContext:
    """Where a proxy finds certificates: a Secret and the names of its entries."""

    secret: SecretReference
    trusted_ca: str = "ca.crt"
    certificate: str = "tls.crt"
    private_key: str = "tls.key"


@dataclass(frozen=True, slots=True)
class L7:
    """What may be said on a connection. ``rules`` are of the one class that ``kind`` says.

    Kind ``tls`` has no rules: only the server names of the handshake count.
    """

    kind: Literal["http", "kafka", "dns", "tls"]
    rules: tuple[L7Rule, ...] = ()
    server_names: tuple[NamePattern, ...] = ()
    terminating: TlsContext | None = None
    originating: TlsContext | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One entry: traffic of these peers, on these ports, is allowed or denied.

    ``peers`` None means every peer. ``ports`` and ``icmps`` both empty mean all traffic.
    ``l7`` is there only beside ports and an allow.
    """

    direction: Direction
    action: Action
    peers: Peers | None
    ports: tuple[PortRange, ...]
    l7: L7 | None
    field: str
    """Where it stands in the object, such as ``spec.ingress[0]``."""
    icmps: tuple[IcmpType, ...] = ()
    authentication: Authentication = "disabled"
    priority: int = 0
    """Within a tier that orders its rules, the lower number is judged first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One ``spec`` of a policy object (``specs`` make several, told apart by ``index``)."""

    ref: ObjectRef
    subject: LabelSelector
    deny_ingress: bool
    """The subject's ingress is denied unless some rule allows it."""
    deny_egress: bool
    rules: tuple[PolicyRule, ...]
    index: int = 0
    subject_kind: Literal["endpoint", "node"] = "endpoint"
    """Whether ``subject`` selects endpoints by identity labels or nodes by their own labels."""
    tier: Tier = "normal"
    log: str = ""
    """Text for the flows this policy decides."""


@dataclass(frozen=True, slots=True)
class CidrGroup:
    """Named address blocks that policies refer to."""

    name: str
    labels: Labels
    cidrs: tuple[str, ...]
