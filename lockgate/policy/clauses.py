"""Rules with their peers as identities and their ports as prefixes of the port space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lockgate.ir import node
from lockgate.model.policy import Direction, Policy, PolicyRule, PortRange
from lockgate.policy.selections import Peer, peers_of

PROTOCOLS = {"TCP": node.PROTOCOL_TCP, "UDP": node.PROTOCOL_UDP, "SCTP": node.PROTOCOL_SCTP}
ALL_BITS = 16
_MAX_PORT = 65535
_ICMP = {"IPv4": node.PROTOCOL_ICMP, "IPv6": node.PROTOCOL_ICMPV6}
NumberedPort = tuple[int, str]
"""A port and its protocol."""
Holding = tuple[str, NumberedPort]
"""Those peers at which a port's name stands for this number."""


class PortNames(Protocol):
    """What the name of a port stands for at one endpoint, and at its peers."""

    def own(self, name: str) -> NumberedPort | None:
        """Return what the endpoint itself calls so."""

    def of_peers(self, name: str) -> Iterable[NumberedPort]:
        """Return what any peer calls so, sorted."""


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """A prefix of the (protocol, port) space, as one map entry covers it."""

    protocol: int
    port: int
    bits: int

    def covers(self, other: Ports) -> bool:
        """Say whether all of ``other`` lies within."""
        if self.protocol == node.PROTOCOL_ANY:
            return True
        shift = ALL_BITS - self.bits
        return (
            self.protocol == other.protocol
            and self.bits <= other.bits
            and self.port >> shift == other.port >> shift
        )


EVERYTHING = Ports(node.PROTOCOL_ANY, 0, 0)


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule at one endpoint: for whom, on which prefixes, and the policy it is of.

    ``peers`` None means everybody. With ``holding``, only peers that hold the named port.
    """

    peers: tuple[Peer, ...] | None
    ports: frozenset[Ports]
    rule: PolicyRule
    policy: Policy
    holding: Holding | None = None
    past_proxy: bool = False
    """Allowed traffic goes past the proxy, whatever L7 rules hold for it too."""

    @property
    def is_for_everybody(self) -> bool:
        """Say whether it holds whoever the peer is."""
        return self.peers is None and self.holding is None


def clauses_of(direction: Direction, policies: Iterable[Policy], names: PortNames) -> list[Clause]:
    """Return the rules of one direction as clauses, in the order of the policies.

    A rule whose ports are named becomes one clause for each number that a name stands for.
    """
    return [
        clause
        for policy in policies
        for rule in policy.rules
        if rule.direction == direction
        for clause in _clauses_of_rule(policy, rule, names)
    ]


def _clauses_of_rule(policy: Policy, rule: PolicyRule, names: PortNames) -> Iterator[Clause]:
    peers = None if rule.peers is None or "all" in rule.peers.entities else peers_of(rule.peers)
    who = None if peers is None else tuple(peers)
    if not rule.ports and not rule.icmps:
        yield Clause(who, frozenset({EVERYTHING}), rule, policy)
        return
    prefixes = {Ports(_ICMP[entry.family], entry.type, ALL_BITS) for entry in rule.icmps}
    for entry in rule.ports:
        prefixes |= port_prefixes(entry)
    if prefixes:
        yield Clause(who, frozenset(prefixes), rule, policy)
    for entry in rule.ports:
        if isinstance(entry.port, str):
            yield from _named(who, entry, rule, policy, names)


def _named(
    who: tuple[Peer, ...] | None,
    entry: PortRange,
    rule: PolicyRule,
    policy: Policy,
    names: PortNames,
) -> Iterator[Clause]:
    """Yield a clause for each number of a name: at the endpoint, or for egress at its peers."""
    name = str(entry.port)
    own = names.own(name) if rule.direction == "ingress" else None
    numbers = names.of_peers(name) if rule.direction == "egress" else [own] if own else []
    for number in numbers:
        port, protocol = number
        if entry.protocol in ("ANY", protocol):
            prefix = frozenset({Ports(PROTOCOLS[protocol], port, ALL_BITS)})
            holding = (name, number) if rule.direction == "egress" else None
            yield Clause(who, prefix, rule, policy, holding)


def port_prefixes(port_range: PortRange) -> frozenset[Ports]:
    """Return the fewest prefixes that cover a range of numbered ports."""
    port, protocol = port_range.port, port_range.protocol
    if not isinstance(port, int):
        return frozenset()
    numbers = PROTOCOLS.values() if protocol == "ANY" else (PROTOCOLS[protocol],)
    if port == 0:
        if protocol == "ANY":
            return frozenset({EVERYTHING})
        return frozenset(Ports(number, 0, 0) for number in numbers)
    blocks = range_blocks(port, port_range.end_port or port)
    return frozenset(Ports(number, *block) for number in numbers for block in blocks)


def range_blocks(first: int, last: int) -> list[tuple[int, int]]:
    """Return (port, bits) prefixes that cover first..last exactly."""
    blocks: list[tuple[int, int]] = []
    while first <= last:
        size = first & -first if first else _MAX_PORT + 1
        while first + size - 1 > last:
            size //= 2
        blocks.append((first, ALL_BITS - (size.bit_length() - 1)))
        first += size
    return blocks
