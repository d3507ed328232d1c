"""Rules with their peers as identities and their ports as prefixes of the port space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lockgate.ir import node
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Direction, Peers, Policy, PolicyRule, PortRange

PeerIdentities = Callable[[Peers], frozenset[int]]
NamedPorts = Callable[[Direction, str], "Iterable[NamedPort]"]
PROTOCOLS = {"TCP": node.PROTOCOL_TCP, "UDP": node.PROTOCOL_UDP, "SCTP": node.PROTOCOL_SCTP}
ALL_BITS = 16
_MAX_PORT = 65535
ANYONE = frozenset({node.ANY_IDENTITY})


@dataclass(frozen=True, slots=True)
class NamedPort:
    """What a port's name stands for, at the pods of some identities (None: at the subject)."""

    port: int
    protocol: str
    identities: frozenset[int] | None = None


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
    """A rule with its peers as identities (0: every peer) and its ports as prefixes."""

    identities: frozenset[int]
    ports: frozenset[Ports]
    rule: PolicyRule
    origin: ObjectRef


def clauses_of(
    direction: Direction,
    policies: Iterable[Policy],
    peer_identities: PeerIdentities,
    named_ports: NamedPorts,
) -> list[Clause]:
    """Return the rules of one direction as clauses.

    A rule whose ports are named becomes one clause for each number that a name stands for.
    """
    return [
        clause
        for policy in policies
        for rule in policy.rules
        if rule.direction == direction
        for clause in _clauses_of_rule(policy.ref, rule, peer_identities, named_ports)
    ]


def _clauses_of_rule(
    origin: ObjectRef, rule: PolicyRule, peer_identities: PeerIdentities, named_ports: NamedPorts
) -> Iterator[Clause]:
    peers = ANYONE if rule.peers is None else peer_identities(rule.peers)
    if not rule.ports:
        yield Clause(peers, frozenset({EVERYTHING}), rule, origin)
        return
    numbers = [entry for entry in rule.ports if isinstance(entry.port, int)]
    if numbers:
        prefixes = frozenset(one for entry in numbers for one in port_prefixes(entry))
        yield Clause(peers, prefixes, rule, origin)
    for entry in rule.ports:
        if isinstance(entry.port, str):
            for found in named_ports(rule.direction, entry.port):
                if entry.protocol in ("ANY", found.protocol):
                    prefix = Ports(PROTOCOLS[found.protocol], found.port, ALL_BITS)
                    at = _at(peers, found.identities)
                    yield Clause(at, frozenset({prefix}), rule, origin)


def _at(peers: frozenset[int], holders: frozenset[int] | None) -> frozenset[int]:
    """Return the peers that hold a named port."""
    if holders is None:
        return peers
    return holders if node.ANY_IDENTITY in peers else peers & holders


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
