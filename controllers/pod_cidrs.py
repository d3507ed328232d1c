"""Which prefixes of pod addresses each node has.

A node keeps what it has for as long as it exists, whoever gave it: ``spec.podCIDRs`` cannot be
changed. A node without gets one prefix of each IP family, or none while a family has none left.
Source: Kubernetes API ``core/v1`` NodeSpec.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from controllers.address_space import BITS, AddressSpace, Prefix
from lockgate.errors import ConfigError
from lockgate.model.meta import ObjectRef, Problem
from lockgate.model.service import Family

_LONGEST_SPLIT = 32
"""Bits by which a pool is split among nodes, at most."""


@dataclass(frozen=True, slots=True)
class PodPool:
    """A prefix that is split among nodes, and how long each node's part is."""

    prefix: Prefix
    node_length: int

    def __str__(self) -> str:
        return f"{self.prefix}:{self.node_length}"


def read_pools(texts: Iterable[str]) -> tuple[PodPool, ...]:
    """Read pools from ``PREFIX:LENGTH``, such as ``10.244.0.0/16:24``.

    Raises: ConfigError: one cannot be read, or two overlap.
    """
    found: list[PodPool] = []
    for text in texts:
        pool = _read_pool(text)
        for other in found:
            if other.prefix.overlaps(pool.prefix):
                raise ConfigError(f"pod CIDR pools {other} and {pool} overlap; make them disjoint")
        found.append(pool)
    return tuple(found)


def _read_pool(text: str) -> PodPool:
    prefix_text, _, length_text = text.rpartition(":")
    fix = "write PREFIX:LENGTH, such as 10.244.0.0/16:24"
    try:
        prefix, length = Prefix.of(prefix_text), int(length_text)
    except ValueError as error:
        raise ConfigError(f"pod CIDR pool {text!r} cannot be read: {error}; {fix}") from error
    longest = min(BITS[prefix.family], prefix.length + _LONGEST_SPLIT)
    if not prefix.length <= length <= longest:
        raise ConfigError(f"pod CIDR pool {text!r}: LENGTH is {prefix.length} to {longest}; {fix}")
    return PodPool(prefix, length)


@dataclass(frozen=True, slots=True)
class NodeCidrs:
    """A node as declared."""

    name: str
    uid: str
    cidrs: tuple[str, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Node", "", self.name)


@dataclass(frozen=True, slots=True)
class PodCidrDecision:
    """What is to become of a node; no CIDRs: nothing is to be written."""

    cidrs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class PodCidrs:
    """The nodes and what each holds.

    All nodes there are must be put before anything is decided: what they hold is theirs.
    """

    def __init__(self, pools: Sequence[PodPool]) -> None:
        self.pools = tuple(pools)
        families = dict.fromkeys(pool.prefix.family for pool in pools)
        self._by_family = {
            family: [pool for pool in pools if pool.prefix.family == family] for family in families
        }
        self._spaces: dict[Family, AddressSpace] = {family: AddressSpace(family) for family in BITS}
        self._last: dict[PodPool, Prefix] = {}
        self._nodes: dict[str, NodeCidrs] = {}
        self._held: dict[str, tuple[Prefix, ...]] = {}
        self._waiting: dict[str, None] = {}
        self._in_conflict: dict[str, None] = {}
        self._again: dict[str, None] = {}
        self.used: dict[PodPool, int] = dict.fromkeys(pools, 0)
        """How many prefixes of each pool nodes hold."""

    @property
    def waiting(self) -> int:
        """How many nodes have no prefix because a family has none left."""
        return len(self._waiting)

    @property
    def in_conflict(self) -> int:
        """How many nodes hold a prefix that overlaps with another node's."""
        return len(self._in_conflict)

    def take_again(self) -> list[str]:
        """Return the nodes to decide anew since the last call."""
        again, self._again = list(self._again), {}
        return again

    def put(self, node: NodeCidrs) -> None:
        """Take in a node as it is declared."""
        before = self._nodes.get(node.name)
        self._nodes[node.name] = node
        self._again[node.name] = None
        declared = _prefixes(node.cidrs)
        if declared and declared != self._held.get(node.name, ()):
            self._release(node.name)
            self._hold(node.name, declared)
        elif not declared and before is not None and before.uid != node.uid:
            self._release(node.name)  # another node of this name

    def remove(self, name: str) -> None:
        """Forget a node; others may get what it had."""
        self._nodes.pop(name, None)
        self._in_conflict.pop(name, None)
        self._again.pop(name, None)
        self._release(name)
        self._stop_waiting(name)

    def decide(self, name: str) -> PodCidrDecision:
        """Return what is to be written for a node, the same until it is seen there."""
        node = self._nodes.get(name)
        if node is None:
            return PodCidrDecision()
        self._in_conflict.pop(name, None)
        if node.cidrs:
            self._stop_waiting(name)
            return PodCidrDecision(problems=(*self._conflicts(node), *self._lacks(node)))
        if any(self._is_shared(prefix) for prefix in self._held.get(name, ())):
            self._release(name)  # another node has come with what was meant for this one
        if name not in self._held:
            problem = self._allocate(node)
            if problem is not None:
                self._waiting[name] = None
                return PodCidrDecision(problems=(problem,))
        self._stop_waiting(name)
        return PodCidrDecision(tuple(map(str, self._held.get(name, ()))))

    def _stop_waiting(self, name: str) -> None:
        """Have a node wait no longer; what came free may be for the next."""
        if name in self._waiting:
            del self._waiting[name]
            self._again |= dict.fromkeys(islice(self._waiting, 1))

    def _allocate(self, node: NodeCidrs) -> Problem | None:
        found: list[tuple[PodPool, Prefix]] = []
        for family, pools in self._by_family.items():
            free = next(filter(None, map(self._free, pools)), None)
            if free is None:
                listed = ", ".join(map(str, pools))
                return Problem(
                    node.ref, "spec.podCIDRs", "PodCIDRsExhausted",
                    f"every {family} prefix of {listed} is in use",
                    "remove nodes, or give the operator another pool (LOCKGATE_POD_CIDR_POOLS)",
                )  # fmt: skip
            found.append(free)
        self._last.update(found)
        if found:
            self._hold(node.name, tuple(prefix for _, prefix in found))
        return None

    def _free(self, pool: PodPool) -> tuple[PodPool, Prefix] | None:
        space = self._spaces[pool.prefix.family]
        found = space.free(pool.prefix, pool.node_length, self._last.get(pool))
        return None if found is None else (pool, found)

    def _hold(self, name: str, prefixes: tuple[Prefix, ...]) -> None:
        self._held[name] = prefixes
        for prefix in prefixes:
            self._spaces[prefix.family].take(prefix)
            self._count(prefix, 1)

    def _release(self, name: str) -> None:
        held = self._held.pop(name, ())
        for prefix in held:
            self._spaces[prefix.family].release(prefix)
            self._count(prefix, -1)
        if held:
            self._again |= dict.fromkeys((*islice(self._waiting, 1), *self._in_conflict))

    def _count(self, prefix: Prefix, change: int) -> None:
        for pool in self.pools:
            if pool.prefix.holds(prefix):
                self.used[pool] += change

    def _is_shared(self, prefix: Prefix) -> bool:
        space = self._spaces[prefix.family]
        space.release(prefix)
        shared = not space.is_free(prefix)
        space.take(prefix)
        return shared

    def _conflicts(self, node: NodeCidrs) -> Iterable[Problem]:
        shared = [prefix for prefix in self._held.get(node.name, ()) if self._is_shared(prefix)]
        if shared:
            self._in_conflict[node.name] = None
        for prefix in shared:
            yield Problem(
                node.ref, "spec.podCIDRs", "PodCIDRConflict",
                f"{prefix} overlaps with the prefix of another node",
                "remove one of the two nodes and let it register anew",
            )  # fmt: skip

    def _lacks(self, node: NodeCidrs) -> Iterable[Problem]:
        held = {prefix.family for prefix in self._held.get(node.name, ())}
        for family in self._by_family:
            if family not in held:
                yield Problem(
                    node.ref, "spec.podCIDRs", "PodCIDRMissing",
                    f"it has no {family} prefix, and what it has cannot be added to",
                    "remove the node and let it register anew",
                )  # fmt: skip


def _prefixes(texts: Iterable[str]) -> tuple[Prefix, ...]:
    """Read prefixes, passing over what is none: nobody can be given it."""
    found = []
    for text in texts:
        try:
            found.append(Prefix.of(text))
        except ValueError:
            continue
    return tuple(found)
