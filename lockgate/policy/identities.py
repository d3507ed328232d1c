"""The identities of pods, nodes and address blocks, and who holds each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lockgate.ir import node
from lockgate.model.meta import Labels, labels_of
from lockgate.model.policy import NODE_LABELS_PREFIX, RESERVED_PREFIX, CidrBlock
from lockgate.model.workload import Node
from lockgate.policy.identity import RESERVED, IdentityAllocator, reserved_labels
from lockgate.policy.prefixes import EVERYWHERE, PrefixSet, host_prefix, prefix_of
from lockgate.policy.refinement import BlockRefinement
from lockgate.policy.selections import Selections
from lockgate.state import Table


class Identities:
    """Numbers what policies can tell apart, and makes it known to the selections."""

    def __init__(
        self, selections: Selections, restored: Mapping[str, Any] | None, grace_s: float
    ) -> None:
        self.by_endpoint: Table[str, int] = Table("identities")
        self.labels: Table[int, Labels] = Table("identity labels")
        self.by_cidr: Table[str, int] = Table("CIDR identities")
        """Blocks that policies name, learnt addresses and nodes' addresses."""
        self._selections = selections
        self._allocator = IdentityAllocator(restored, grace_s)
        self._refinement = BlockRefinement()
        self._split: set[str] = set()
        self._prefixes = PrefixSet()
        self._names: dict[str, tuple[int, ...]] = {}
        self._nodes: dict[str, tuple[int, tuple[str, ...]]] = {}
        for number in RESERVED:
            self.labels.put(number, reserved_labels(number))

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to number alike."""
        return self._allocator.state()

    def of_address(self, address: str) -> int:
        """Return the identity of an address that is no pod's."""
        return self._narrowest(host_prefix(address))

    def of_world(self, version: int) -> int:
        """Return the identity of the addresses of an IP version that no narrower block holds."""
        return self._narrowest(EVERYWHERE[version])

    def _narrowest(self, cidr: str) -> int:
        holding = list(self._prefixes.containing(cidr))
        narrowest = max(holding, key=lambda known: prefix_of(known)[2], default="")
        return self.by_cidr.get(narrowest) or node.IDENTITY_WORLD

    def set_pod(self, key: str, labels: Labels | None, addresses: Iterable[str]) -> set[str]:
        """Write a pod, or forget it; return the pods to number anew."""
        return self._refinement.set_pod(key, labels, tuple(map(host_prefix, addresses)))

    def number(self, key: str, now: float) -> None:
        """Number a pod by its refined labels."""
        before, labels = self.by_endpoint.get(key), self._refinement.labels(key)
        if labels is None:
            self.by_endpoint.delete(key)
        else:
            number = self._allocator.acquire(labels)
            self.by_endpoint.put(key, number)
            if self.labels.put(number, labels):
                self._selections.add_labels(number, labels)
            self._selections.set_pod_blocks(number, self._refinement.blocks(key))
        if before is not None:
            self._allocator.release(before, now)

    def use_block(self, block: CidrBlock) -> None:
        """Number the prefixes of a block that policies name."""
        for cidr in (block.cidr, *block.excluded):
            self._acquire(cidr)
            if block.pods:
                self._split |= self._refinement.use(cidr)

    def drop_block(self, block: CidrBlock, now: float) -> None:
        """Let go of the prefixes of a block."""
        for cidr in (block.cidr, *block.excluded):
            self._allocator.release(self._number_of(cidr), now)
            if block.pods:
                self._split |= self._refinement.drop(cidr)

    def take_split(self) -> set[str]:
        """Return the pods to number anew since blocks came into use or went out of it."""
        split, self._split = self._split, set()
        return split

    def set_name(self, name: str, addresses: Iterable[str], now: float) -> None:
        """Write the addresses learnt of a DNS name; none forgets it."""
        numbers = tuple(self._acquire(host_prefix(address)) for address in addresses)
        self._selections.set_name(name, frozenset(numbers))
        for number in self._names.pop(name, ()):
            self._allocator.release(number, now)
        if numbers:
            self._names[name] = numbers

    def set_node(self, name: str, row: Node | None, now: float) -> None:
        """Write a node, or forget it; its addresses have an identity of their own."""
        old = self._nodes.pop(name, None)
        if row is not None:
            labels = {f"{NODE_LABELS_PREFIX}{key}": value for key, value in row.labels}
            labels[f"{RESERVED_PREFIX}remote-node"] = ""
            number = self._allocator.acquire_node(labels_of(labels))
            if self.labels.put(number, labels_of(labels)):
                self._selections.add_labels(number, labels_of(labels))
            addresses = tuple(host_prefix(address) for address in row.addresses)
            self._nodes[name] = (number, addresses)
            for address in addresses:
                self._prefixes.add(address)
                self.by_cidr.put(address, number)
        if old is not None:
            kept = self._nodes[name][1] if name in self._nodes else ()
            for address in set(old[1]) - set(kept):
                self._prefixes.remove(address)
                self.by_cidr.delete(address)
            self._allocator.release(old[0], now)

    def expire(self, now: float) -> None:
        """Forget what nobody held for the grace period."""
        for number, cidr in self._allocator.expire(now):
            self.labels.delete(number)
            if cidr and self.by_cidr.get(cidr) == number:
                self._prefixes.remove(cidr)
                self.by_cidr.delete(cidr)
            self._selections.remove(number)

    def _acquire(self, cidr: str) -> int:
        number = self._allocator.acquire_cidr(cidr)
        # A node's address keeps the node's identity.
        if self.by_cidr.get(cidr) is None:
            self._prefixes.add(cidr)
            self.by_cidr.put(cidr, number)
            self._selections.add_cidr(number, cidr)
        return number

    def _number_of(self, cidr: str) -> int:
        return self._allocator.number_of_cidr(cidr)
