"""Policies of every kind in one form: a subject, and entries that allow or deny.

Kubernetes NetworkPolicy, LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy are all read
into :class:`Policy`, so that the engine knows one kind. Selectors here match *identity labels*:
a pod's labels under their plain keys, and

- ``io.kubernetes.pod.namespace``: the namespace,
- ``io.cilium.k8s.policy.serviceaccount``: the service account,
- ``io.cilium.k8s.namespace.labels.KEY``: the namespace's own labels,
- ``reserved:NAME`` with an empty value: the reserved identities (``reserved:host``, ...).

A namespaced policy's selectors are already narrowed to its namespace when they arrive here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockgate.model.meta import ObjectRef
from lockgate.model.selector import LabelSelector

NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
SERVICE_ACCOUNT_LABEL = "io.cilium.k8s.policy.serviceaccount"
NAMESPACE_LABELS_PREFIX = "io.cilium.k8s.namespace.labels."
RESERVED_PREFIX = "reserved:"

Direction = Literal["ingress", "egress"]
Entity = Literal[
    "all", "world", "cluster", "host", "remote-node", "ingress", "kube-apiserver",
    "init", "health", "unmanaged", "none",
]  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class CidrBlock:
    """An address block less some blocks inside it, in CIDR notation."""

    cidr: str
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peers:
    """The other end: whoever any member selects. With no member at all: nobody."""

    selectors: tuple[LabelSelector, ...] = ()
    cidrs: tuple[CidrBlock, ...] = ()
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """Ports of a protocol. ``port`` 0 is every port, a string names a container port."""

    port: int | str
    protocol: Literal["TCP", "UDP", "SCTP", "ANY"] = "ANY"
    end_port: int = 0
    """Last port of a range, or 0 for a single port."""


@dataclass(frozen=True, slots=True, order=True)
class HeaderRule:
    """A header that must be there, with this exact value unless ``value`` is None."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class HttpRule:
    """All members must hold. Expressions match the whole text (RE2); empty means anything."""

    method: str = ""
    path: str = ""
    host: str = ""
    headers: tuple[HeaderRule, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One entry: traffic of these peers, on these ports, is allowed or denied.

    ``peers`` None means every peer, ``ports`` empty means every port. ``http`` None means the
    entry has no L7 part; it is only there with TCP ports and an allow.
    """

    direction: Direction
    action: Literal["allow", "deny"]
    peers: Peers | None
    ports: tuple[PortRange, ...]
    http: tuple[HttpRule, ...] | None
    field: str
    """Where it stands in the object, such as ``spec.ingress[0]``."""


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
