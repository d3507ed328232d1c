"""Which identities each peer of a policy selects, kept up to date both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from lockgate.ir import node
from lockgate.model.meta import Labels
from lockgate.model.policy import RESERVED_PREFIX, CidrBlock, Entity, Peers
from lockgate.model.selector import LabelSelector
from lockgate.policy.identity import RESERVED, reserved_labels
from lockgate.state import Table

Peer = LabelSelector | CidrBlock | Entity
"""One member of a rule's peers."""
_NUMBERS = {name: number for number, name in RESERVED.items()}
_IN_CLUSTER = frozenset(RESERVED) - {node.IDENTITY_WORLD}


def peers_of(peers: Peers) -> Iterator[Peer]:
    """Yield the members of a rule's peers."""
    yield from peers.selectors
    yield from peers.cidrs
    yield from peers.entities


def cidrs_of(peers: Peers) -> Iterator[str]:
    """Yield every prefix that needs an identity of its own, those excluded too."""
    for block in peers.cidrs:
        yield block.cidr
        yield from block.excluded


class Selections:
    """Identities by peer. A new identity is held against each known peer once, and no more."""

    def __init__(self) -> None:
        self.table: Table[Peer, frozenset[int]] = Table("selections")
        self._users: dict[Peer, int] = {}
        self._labels: dict[int, dict[str, str]] = {
            number: dict(reserved_labels(number)) for number in RESERVED
        }
        self._cidrs: dict[int, IPv4Network | IPv6Network] = {}

    def use(self, peers: Iterable[Peer]) -> None:
        """Keep selections of these peers; each call must be paired with :meth:`drop`."""
        for peer in peers:
            self._users[peer] = self._users.get(peer, 0) + 1
            if self._users[peer] == 1:
                everybody = [*self._labels, *self._cidrs]
                selected = frozenset(one for one in everybody if self._selects(peer, one))
                self.table.put(peer, selected | _fixed(peer))

    def drop(self, peers: Iterable[Peer]) -> None:
        """Stop keeping selections of peers that nobody else uses."""
        for peer in peers:
            self._users[peer] -= 1
            if not self._users[peer]:
                del self._users[peer]
                self.table.delete(peer)

    def add_labels(self, identity: int, labels: Labels) -> None:
        """Make known an identity of pods."""
        self._labels[identity] = dict(labels)
        self._note(identity)

    def add_cidr(self, identity: int, cidr: str) -> None:
        """Make known an identity of an address block."""
        self._cidrs[identity] = ip_network(cidr)
        self._note(identity)

    def remove(self, identity: int) -> None:
        """Forget an identity."""
        self._labels.pop(identity, None)
        self._cidrs.pop(identity, None)
        for peer, selected in list(self.table.items()):
            if identity in selected:
                self.table.put(peer, selected - {identity})

    def _note(self, identity: int) -> None:
        for peer, selected in list(self.table.items()):
            if self._selects(peer, identity):
                self.table.put(peer, selected | {identity})

    def _selects(self, peer: Peer, identity: int) -> bool:
        match peer:
            case LabelSelector():
                return self._selector_selects(peer, identity)
            case CidrBlock():
                return self._block_selects(peer, identity)
            case "world":
                return identity in self._cidrs or identity == node.IDENTITY_WORLD
            case "cluster":
                return identity in self._labels and identity != node.IDENTITY_WORLD
            case _:
                return _NUMBERS.get(peer) == identity

    def _selector_selects(self, selector: LabelSelector, identity: int) -> bool:
        labels = self._labels.get(identity)
        if labels is None:
            return False
        # An empty selector means pods; reserved identities must be named.
        names_reserved = any(
            entry.key.startswith(RESERVED_PREFIX) for entry in selector.requirements
        )
        return (names_reserved or identity not in RESERVED) and selector.matches(labels)

    def _block_selects(self, block: CidrBlock, identity: int) -> bool:
        network = self._cidrs.get(identity)
        return (
            network is not None
            and _within(network, ip_network(block.cidr))
            and not any(_within(network, ip_network(entry)) for entry in block.excluded)
        )


def _fixed(peer: Peer) -> frozenset[int]:
    return frozenset({node.ANY_IDENTITY}) if peer == "all" else frozenset()


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # same version
