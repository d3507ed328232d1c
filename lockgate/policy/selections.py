"""Which identities each peer of a policy selects, kept up to date both ways.

A new identity is held only against the peers that can select it, a new peer only against the
identities it can select; who uses a peer learns what it gained and lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from lockgate.ir import node
from lockgate.model.meta import Labels
from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NODE_LABELS_PREFIX,
    RESERVED_PREFIX,
    CidrBlock,
    Entity,
    NamePattern,
    Peers,
)
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.policy.identity import RESERVED, reserved_labels
from lockgate.policy.matching import Matching
from lockgate.policy.names import name_matches
from lockgate.policy.prefixes import PrefixSet, lies_in

Peer = LabelSelector | CidrBlock | NamePattern | Entity
"""One member of a rule's peers."""
_NUMBERS = {name: number for number, name in RESERVED.items()}
_REMOTE_NODE = f"{RESERVED_PREFIX}remote-node"
_NOBODY: frozenset[int] = frozenset()


def peers_of(peers: Peers) -> Iterator[Peer]:
    """Yield the members of a rule's peers, once CIDR groups and Services are expanded."""
    yield from peers.selectors
    yield from peers.cidrs
    yield from peers.entities
    yield from peers.names
    for selector in peers.nodes:
        yield _of_nodes(selector)


def cidrs_of(peers: Peers) -> Iterator[str]:
    """Yield every prefix that needs an identity of its own, those excluded too."""
    for block in peers.cidrs:
        yield block.cidr
        yield from block.excluded


class Selections:
    """Identities by peer. Changes are gathered until :meth:`take_changes`."""

    def __init__(self) -> None:
        self._users: dict[Peer, int] = {}
        self._selected: dict[Peer, set[int]] = {}
        self._changes: dict[Peer, set[int]] = {}
        self._selectors: Matching[LabelSelector, int] = Matching()
        self._named: set[int] = set()
        self._blocks = _Blocks()
        self._names: dict[str, frozenset[int]] = {}
        for number in RESERVED:
            self.add_labels(number, reserved_labels(number))

    def get(self, peer: Peer) -> AbstractSet[int]:
        """Return the identities a peer in use selects; the set is live."""
        return self._selected.get(peer, _NOBODY)

    def select(self, peers: Peers) -> frozenset[int]:
        """Return the identities that peers in use select, 0 standing for everybody."""
        return frozenset().union(*(self.get(peer) for peer in peers_of(peers)))

    def take_changes(self) -> dict[Peer, set[int]]:
        """Return the identities that peers gained or lost since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def use(self, peers: Iterable[Peer]) -> None:
        """Keep selections of these peers; each call must be paired with :meth:`drop`."""
        for peer in peers:
            self._users[peer] = self._users.get(peer, 0) + 1
            if self._users[peer] == 1:
                self._selected[peer] = self._start(peer)

    def drop(self, peers: Iterable[Peer]) -> None:
        """Stop keeping selections of peers that nobody else uses."""
        for peer in peers:
            self._users[peer] -= 1
            if not self._users[peer]:
                del self._users[peer]
                self._stop(peer)
                del self._selected[peer]

    def add_labels(self, identity: int, labels: Labels) -> None:
        """Make known an identity of pods, of a node or a reserved one."""
        # A selector means pods; who is no pod must be named, so it hides its labels otherwise.
        gained, lost = self._selectors.set_member(identity, labels)
        self._named.add(identity)
        self._note(gained, lost, identity)
        self._note_entities(identity)

    def set_pod_blocks(self, identity: int, blocks: frozenset[str]) -> None:
        """Say which blocks in use hold all pods of an identity."""
        for peer, selects in self._blocks.set_pods(identity, blocks).items():
            self._set(peer, identity, selects=selects)

    def add_cidr(self, identity: int, cidr: str) -> None:
        """Make known an identity of an address block."""
        for peer in self._blocks.add(identity, cidr):
            self._set(peer, identity, selects=True)
        self._note_entities(identity)

    def set_name(self, name: str, identities: frozenset[int]) -> None:
        """Say which identities the addresses of a DNS name have; none forgets the name."""
        if identities:
            self._names[name] = identities
        else:
            self._names.pop(name, None)
        for peer in [peer for peer in self._users if isinstance(peer, NamePattern)]:
            if name_matches(peer.text, name):
                before, after = set(self._selected[peer]), self._named_by(peer)
                for identity in before ^ after:
                    self._set(peer, identity, selects=identity in after)

    def remove(self, identity: int) -> None:
        """Forget an identity."""
        if identity in self._named:
            self._named.discard(identity)
            _, lost = self._selectors.set_member(identity, None)
            self._note(set(), lost, identity)
            self.set_pod_blocks(identity, frozenset())
        for block in self._blocks.remove(identity):
            self._set(block, identity, selects=False)
        for peer in self._users:
            if isinstance(peer, str):
                self._set(peer, identity, selects=False)

    def _start(self, peer: Peer) -> set[int]:
        match peer:
            case LabelSelector():
                return set(self._selectors.add_selector(peer, of_endpoints(peer)))
            case CidrBlock():
                return self._blocks.start(peer)
            case NamePattern():
                return self._named_by(peer)
            case _:
                everybody = self._named | self._blocks.identities()
                found = {one for one in everybody if self._is_of_entity(peer, one)}
                return found | {node.ANY_IDENTITY} if peer == "all" else found

    def _stop(self, peer: Peer) -> None:
        match peer:
            case LabelSelector():
                self._selectors.remove_selector(peer)
            case CidrBlock():
                self._blocks.stop(peer)

    def _named_by(self, pattern: NamePattern) -> set[int]:
        return {
            identity
            for name, identities in self._names.items()
            if name_matches(pattern.text, name)
            for identity in identities
        }

    def _note(self, gained: set[LabelSelector], lost: set[LabelSelector], identity: int) -> None:
        for peer in gained:
            self._set(peer, identity, selects=True)
        for peer in lost:
            self._set(peer, identity, selects=False)

    def _note_entities(self, identity: int) -> None:
        for peer in self._users:
            if isinstance(peer, str):
                self._set(peer, identity, selects=self._is_of_entity(peer, identity))

    def _set(self, peer: Peer, identity: int, *, selects: bool) -> None:
        selected = self._selected[peer]
        if selects != (identity in selected):
            (selected.add if selects else selected.discard)(identity)
            self._changes.setdefault(peer, set()).add(identity)

    def _is_of_entity(self, entity: Entity, identity: int) -> bool:
        match entity:
            case "world":
                return identity == node.IDENTITY_WORLD or self._blocks.is_block(identity)
            case "cluster" | "cluster-mesh":
                return identity in self._named and identity != node.IDENTITY_WORLD
            case "remote-node":
                return identity >= node.FIRST_NODE_IDENTITY or identity == _NUMBERS[entity]
            case _:
                return _NUMBERS.get(entity) == identity


class _Blocks:
    """Address blocks: those policies name, and the identities inside them."""

    def __init__(self) -> None:
        self._cidrs: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._known = PrefixSet()
        self._peers: dict[str, set[CidrBlock]] = {}
        self._peer_cidrs = PrefixSet()
        self._pod_blocks: dict[int, frozenset[str]] = {}
        self._pods_in: dict[str, set[int]] = {}

    def identities(self) -> set[int]:
        return set(self._cidrs)

    def is_block(self, identity: int) -> bool:
        """Say whether an identity is of an address block."""
        return identity in self._cidrs

    def start(self, peer: CidrBlock) -> set[int]:
        if peer.cidr not in self._peers:
            self._peer_cidrs.add(peer.cidr)
        self._peers.setdefault(peer.cidr, set()).add(peer)
        inside = {self._numbers[cidr] for cidr in self._known.within(peer.cidr)}
        pods = self._pods_in.get(peer.cidr, set()) if peer.pods else set()
        return {one for one in inside if not self._is_excluded(peer, self._cidrs[one])} | {
            one for one in pods if self._holds_pods(peer, self._pod_blocks[one])
        }

    def stop(self, peer: CidrBlock) -> None:
        self._peers[peer.cidr].discard(peer)
        if not self._peers[peer.cidr]:
            del self._peers[peer.cidr]
            self._peer_cidrs.remove(peer.cidr)

    def add(self, identity: int, cidr: str) -> list[CidrBlock]:
        """Make known an identity; return the peers that select it."""
        self._cidrs[identity] = cidr
        self._numbers[cidr] = identity
        self._known.add(cidr)
        return self._selecting(cidr)

    def remove(self, identity: int) -> list[CidrBlock]:
        """Forget an identity; return the peers that selected it."""
        cidr = self._cidrs.pop(identity, None)
        if cidr is None:
            return []
        del self._numbers[cidr]
        self._known.remove(cidr)
        return self._selecting(cidr)

    def set_pods(self, identity: int, blocks: frozenset[str]) -> dict[CidrBlock, bool]:
        """Write the blocks that hold an identity's pods; return whether touched peers do."""
        before = self._pod_blocks.pop(identity, frozenset())
        for block in before - blocks:
            self._pods_in[block].discard(identity)
        for block in blocks - before:
            self._pods_in.setdefault(block, set()).add(identity)
        if blocks:
            self._pod_blocks[identity] = blocks
        touched = before | blocks if before != blocks else frozenset()
        peers = {peer for block in touched for peer in self._peers.get(block, ()) if peer.pods}
        return {peer: self._holds_pods(peer, blocks) for peer in peers}

    def _selecting(self, cidr: str) -> list[CidrBlock]:
        return [
            peer
            for outer in self._peer_cidrs.containing(cidr)
            for peer in self._peers[outer]
            if not self._is_excluded(peer, cidr)
        ]

    def _is_excluded(self, peer: CidrBlock, cidr: str) -> bool:
        return any(lies_in(cidr, outer) for outer in peer.excluded)

    def _holds_pods(self, peer: CidrBlock, blocks: frozenset[str]) -> bool:
        return peer.cidr in blocks and not any(outer in blocks for outer in peer.excluded)


def of_endpoints(selector: LabelSelector) -> LabelSelector:
    """Return a selector that means pods, unless it names who else it means."""
    named = any(
        entry.key.startswith((RESERVED_PREFIX, NODE_LABELS_PREFIX))
        # Who is no pod is in no namespace.
        or (entry.key == NAMESPACE_LABEL and entry.operator in ("In", "Exists"))
        for entry in selector.requirements
    )
    if named:
        return selector
    hidden = (f"{RESERVED_PREFIX}{name}" for name in RESERVED.values())
    return selector.also(*(Requirement(key, "DoesNotExist") for key in hidden))


def _of_nodes(selector: LabelSelector) -> LabelSelector:
    """Return a selector of nodes' labels as one of their identity labels."""
    return LabelSelector(
        tuple(
            Requirement(NODE_LABELS_PREFIX + entry.key, entry.operator, entry.values)
            for entry in selector.requirements
        )
    ).also(Requirement(_REMOTE_NODE, "Exists"))
