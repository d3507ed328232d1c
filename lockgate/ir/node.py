"""What a node's kernel must enforce and forward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from lockgate.model.meta import ObjectRef
from lockgate.state import Table

ANY_IDENTITY = 0
IDENTITY_HOST = 1
IDENTITY_WORLD = 2
IDENTITY_UNMANAGED = 3
IDENTITY_HEALTH = 4
IDENTITY_INIT = 5
IDENTITY_REMOTE_NODE = 6
IDENTITY_KUBE_APISERVER = 7
IDENTITY_INGRESS = 8
FIRST_IDENTITY = 256
FIRST_CIDR_IDENTITY = 1 << 24
FIRST_NODE_IDENTITY = 2 << 24

PROTOCOL_ANY, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP = 0, 1, 6, 17, 132
PROTOCOL_ICMPV6 = 58

Verdict = Literal["allow", "deny", "redirect"]


@dataclass(frozen=True, slots=True, order=True)
class PolicyEntry:
    """One entry of an endpoint's policy map.

    The kernel looks up the peer's own identity by longest prefix of (protocol, port), and only
    if nothing matches, identity 0. So an entry of one identity already holds whatever entries of
    identity 0 say about the same traffic. ``port_bits`` is how many leading bits of ``port``
    count: 16 for one port, 0 for all; ``protocol`` 0 (any) requires ``port_bits`` 0.
    """

    direction: Literal["ingress", "egress"]
    identity: int
    protocol: int
    port: int
    port_bits: int
    verdict: Verdict
    rule_set: str = ""
    """Name of the HTTP rule set, for ``redirect``."""


RowKey = tuple[Literal["ingress", "egress"], int]
"""A direction and the peer's identity."""


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """All that the kernel enforces at one endpoint; entries are minimal.

    ``rows`` is shared between versions of one endpoint's policy, so that a change costs what it
    touches: two versions are equal if of one ``revision``, and ``rows.changes`` tells them apart.
    """

    endpoint: str
    """``namespace/name``."""
    identity: int
    ingress_enforced: bool
    """Ingress without a matching entry is dropped."""
    egress_enforced: bool
    rows: Table[RowKey, tuple[PolicyEntry, ...]] = field(compare=False)
    revision: int = 0
    audit: bool = False
    """What would be dropped is reported and passes."""

    @property
    def entries(self) -> tuple[PolicyEntry, ...]:
        """Every entry, sorted."""
        return tuple(sorted(entry for row in self.rows.values() for entry in row))

    @staticmethod
    def of(
        endpoint: str,
        identity: int,
        ingress_enforced: bool,  # as the constructor
        egress_enforced: bool,
        entries: Iterable[PolicyEntry] = (),
    ) -> EndpointPolicy:
        """Return a policy of these entries."""
        rows: dict[RowKey, tuple[PolicyEntry, ...]] = {}
        for entry in sorted(entries):
            key = (entry.direction, entry.identity)
            rows[key] = (*rows.get(key, ()), entry)
        table: Table[RowKey, tuple[PolicyEntry, ...]] = Table("policy entries")
        table.replace(rows)
        return EndpointPolicy(endpoint, identity, ingress_enforced, egress_enforced, table)


Scope = Literal["internal", "external"]
"""Whose connections a frontend takes: those of this node and its pods, or those from outside."""
ServiceKind = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalIP", "HostPort"]


@dataclass(frozen=True, slots=True, order=True)
class Frontend:
    """An address on which a Service is reached, IPv4 or IPv6."""

    address: str
    port: int
    protocol: Literal["TCP", "UDP", "SCTP"]
    scope: Scope = "internal"


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A Service frontend and the backends for new connections as (address, port), sorted.

    A backend may be of the other IP version than the frontend. One that terminates is not among
    them; connections that it has go on.
    """

    frontend: Frontend
    backends: tuple[tuple[str, int], ...]
    origin: ObjectRef
    kind: ServiceKind = "ClusterIP"
    affinity_s: int = 0
    """How long a client address keeps its backend after its last connection; 0: no affinity."""
    source_ranges: tuple[str, ...] = ()
    """Prefixes of the clients that may connect; empty: any."""
    silent: bool = False
    """Without backends, connections are dropped instead of refused: other nodes have some."""
    direct_return: bool = False
    """A backend on another node answers the client itself (DSR), instead of by this node."""
