"""Identities refined by the address blocks that policies hold against pods' addresses.

An ``ipBlock`` of a Kubernetes NetworkPolicy may hold some pods of a label set and not others.
Those inside then get labels of their own (``cidr:BLOCK``), so that one identity is never half
inside a block; where a block holds all or none of them, nothing is refined.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lockgate.model.meta import Labels
from lockgate.policy.prefixes import PrefixSet

BLOCK_LABEL_PREFIX = "cidr:"


@dataclass(slots=True)
class _Kin:
    """The pods of one label set, and which of them lie in each block in use."""

    pods: set[str] = field(default_factory=set)
    inside: dict[str, set[str]] = field(default_factory=dict)

    def split(self) -> frozenset[str]:
        """Return the blocks that hold some of these pods but not all."""
        everybody = len(self.pods)
        return frozenset(block for block, pods in self.inside.items() if len(pods) < everybody)


class BlockRefinement:
    """Pods with their labels and addresses, against the blocks in use."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[Labels, tuple[str, ...]]] = {}
        self._kin: dict[Labels, _Kin] = {}
        self._blocks = PrefixSet()
        self._users: dict[str, int] = {}
        self._addresses = PrefixSet()
        self._at: dict[str, set[str]] = {}

    def set_pod(self, key: str, labels: Labels | None, addresses: tuple[str, ...] = ()) -> set[str]:
        """Write a pod, or forget it; return the pods whose refined labels may have changed.

        ``addresses`` are prefixes of full length. A pod lies in a block if any of them does.
        """
        changed = {key}
        known = self._pods.pop(key, None)
        if known is not None:
            if (labels, addresses) == known:
                self._pods[key] = known
                return set()
            changed |= self._leave(key, *known)
        if labels is not None:
            self._pods[key] = (labels, addresses)
            changed |= self._join(key, labels, addresses)
        return changed

    def use(self, block: str) -> set[str]:
        """Count one more user of a block; return the pods whose labels may have changed."""
        self._users[block] = self._users.get(block, 0) + 1
        if self._users[block] > 1:
            return set()
        self._blocks.add(block)
        pods = {key for address in self._addresses.within(block) for key in self._at[address]}
        for key in pods:
            kin = self._kin[self._pods[key][0]]
            kin.inside.setdefault(block, set()).add(key)
        return self._with_kin(pods)

    def drop(self, block: str) -> set[str]:
        """Count one user less; return the pods whose labels may have changed."""
        self._users[block] -= 1
        if self._users[block]:
            return set()
        del self._users[block]
        self._blocks.remove(block)
        pods = {key for address in self._addresses.within(block) for key in self._at[address]}
        changed = self._with_kin(pods)
        for key in pods:
            self._kin[self._pods[key][0]].inside.pop(block, None)
        return changed

    def labels(self, key: str) -> Labels | None:
        """Return a pod's labels with those that tell it from its kin."""
        known = self._pods.get(key)
        if known is None:
            return None
        kin = self._kin[known[0]]
        own = sorted(block for block in kin.split() if key in kin.inside[block])
        return tuple(sorted([*known[0], *((BLOCK_LABEL_PREFIX + block, "") for block in own)]))

    def blocks(self, key: str) -> frozenset[str]:
        """Return the blocks in use that hold a pod, and with it all pods of its refined labels."""
        known = self._pods.get(key)
        if known is None:
            return frozenset()
        kin = self._kin[known[0]]
        return frozenset(block for block, pods in kin.inside.items() if key in pods)

    def _join(self, key: str, labels: Labels, addresses: tuple[str, ...]) -> set[str]:
        kin = self._kin.setdefault(labels, _Kin())
        before = kin.split()
        kin.pods.add(key)
        for address in addresses:
            self._addresses.add(address)
            self._at.setdefault(address, set()).add(key)
            for block in self._blocks.containing(address):
                kin.inside.setdefault(block, set()).add(key)
        return set(kin.pods) if kin.inside and kin.split() != before else set()

    def _leave(self, key: str, labels: Labels, addresses: tuple[str, ...]) -> set[str]:
        kin = self._kin[labels]
        before = kin.split()
        kin.pods.discard(key)
        for block in list(kin.inside):
            kin.inside[block].discard(key)
            if not kin.inside[block]:
                del kin.inside[block]
        for address in addresses:
            self._at[address].discard(key)
            if not self._at[address]:
                del self._at[address]
                self._addresses.remove(address)
        if not kin.pods:
            del self._kin[labels]
            return set()
        return set(kin.pods) if kin.split() != before else set()

    def _with_kin(self, pods: set[str]) -> set[str]:
        """Return these pods and all others of their label sets."""
        kin = {self._pods[key][0] for key in pods}
        return {key for labels in kin for key in self._kin[labels].pods}
