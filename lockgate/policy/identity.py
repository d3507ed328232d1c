"""Identities: label sets, and address blocks that policies name, to numbers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

from lockgate.ir import node
from lockgate.model.meta import Labels, labels_of
from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    RESERVED_PREFIX,
    SERVICE_ACCOUNT_LABEL,
)
from lockgate.model.workload import Namespace, Pod

K = TypeVar("K", bound=Hashable)

RESERVED: dict[int, str] = {
    node.IDENTITY_HOST: "host",
    node.IDENTITY_WORLD: "world",
    node.IDENTITY_UNMANAGED: "unmanaged",
    node.IDENTITY_HEALTH: "health",
    node.IDENTITY_INIT: "init",
    node.IDENTITY_REMOTE_NODE: "remote-node",
    node.IDENTITY_KUBE_APISERVER: "kube-apiserver",
    node.IDENTITY_INGRESS: "ingress",
}

# Labels that differ between replicas or say nothing of the workload would make an identity of
# each pod. Source: the reference's default label filter.
_DROPPED = re.compile(
    r"^(io\.kubernetes|.*kubernetes\.io/|.*beta\.kubernetes\.io|k8s\.io|pod-template-"
    r"|controller-revision-hash|controller-uid|statefulset\.kubernetes\.io/|batch\.kubernetes\.io/"
    r"|annotation\.|etcd_node)"
)
_OURS = "io.cilium.k8s."
_KEPT = re.compile(r"^app\.kubernetes\.io/")


def is_identity_label(key: str) -> bool:
    """Say whether a pod's own label of this key is part of its identity.

    What says who a pod is (its namespace's labels, its account, reserved names, which have a
    colon) is ours to say and not the pod's.
    """
    if ":" in key or key.startswith(_OURS):
        return False
    return bool(_KEPT.match(key)) or not _DROPPED.match(key)


def identity_labels(pod: Pod, namespace: Namespace | None) -> Labels:
    """Return the labels that make a pod's identity, keyed as selectors read them."""
    labels = {key: value for key, value in pod.labels if is_identity_label(key)}
    labels[NAMESPACE_LABEL] = pod.namespace
    labels[SERVICE_ACCOUNT_LABEL] = pod.service_account
    declared = dict(namespace.labels) if namespace else {}
    # Every namespace has this label, declared or not.
    declared.setdefault("kubernetes.io/metadata.name", pod.namespace)
    labels.update({NAMESPACE_LABELS_PREFIX + key: value for key, value in declared.items()})
    return labels_of(labels)


def reserved_labels(number: int) -> Labels:
    """Return the labels of a reserved identity."""
    return ((RESERVED_PREFIX + RESERVED[number], ""),)


class IdentityAllocator:
    """Numbers for label sets and CIDR blocks; one keeps its number while anybody holds it.

    A number that nobody holds any more is kept for ``grace_s`` seconds, so that what comes back,
    or is named by the next agent, is numbered as before. Times are seconds of any one clock.
    """

    def __init__(self, restored: Mapping[str, Any] | None = None, grace_s: float = 0.0) -> None:
        known = restored or {}
        labels: dict[Labels, int] = {
            tuple((key, value) for key, value in pairs): number
            for pairs, number in known.get("labels", [])
        }
        self._labels: _Numbers[Labels] = _Numbers(node.FIRST_IDENTITY, labels)
        self._cidrs: _Numbers[str] = _Numbers(node.FIRST_CIDR_IDENTITY, known.get("cidrs", {}))
        self._nodes: _Numbers[Labels] = _Numbers(node.FIRST_NODE_IDENTITY, {})
        self._grace_s = grace_s
        self._holders: dict[int, int] = {}
        # In the order of release, hence of expiry. What is restored waits from the start.
        self._idle: dict[int, float] = dict.fromkeys(self._labels.keys | self._cidrs.keys, 0.0)

    def acquire(self, labels: Labels) -> int:
        """Return the number of a label set and hold it once more."""
        return self._hold(self._labels.number(labels))

    def acquire_cidr(self, cidr: str) -> int:
        """Return the number of an address block and hold it once more."""
        return self._hold(self._cidrs.number(cidr))

    def acquire_node(self, labels: Labels) -> int:
        """Return the number of a node's labels and hold it once more."""
        return self._hold(self._nodes.number(labels))

    def release(self, number: int, now: float = 0.0) -> None:
        """Hold a number once less."""
        self._holders[number] -= 1
        if not self._holders[number]:
            del self._holders[number]
            self._idle[number] = now

    def expire(self, now: float = 0.0) -> list[tuple[int, str]]:
        """Free the numbers whose grace has passed; return each with its block, if it is of one."""
        expired: list[int] = []
        for number, since in self._idle.items():
            if since + self._grace_s > now:
                break
            expired.append(number)
        freed = [(number, self._cidrs.keys.get(number, "")) for number in expired]
        for number in expired:
            del self._idle[number]
            self._space(number).free(number)
        return freed

    def number_of_cidr(self, cidr: str) -> int:
        """Return the number of an address block that is held."""
        return self._cidrs.number(cidr)

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to number alike."""
        return {
            "labels": [[list(map(list, labels)), n] for n, labels in self._labels.keys.items()],
            "cidrs": {cidr: number for number, cidr in self._cidrs.keys.items()},
        }

    def _hold(self, number: int) -> int:
        self._idle.pop(number, None)
        self._holders[number] = self._holders.get(number, 0) + 1
        return number

    def _space(self, number: int) -> _Numbers[Any]:
        if number >= node.FIRST_NODE_IDENTITY:
            return self._nodes
        return self._cidrs if number >= node.FIRST_CIDR_IDENTITY else self._labels


class _Numbers(Generic[K]):
    """Numbers from ``first`` on by key, the lowest free one first."""

    def __init__(self, first: int, known: Mapping[K, int]) -> None:
        self._by_key = dict(known)
        self.keys: dict[int, K] = {number: key for key, number in known.items()}
        self._next = max(self.keys, default=first - 1) + 1
        self._free = [number for number in range(first, self._next) if number not in self.keys]

    def number(self, key: K) -> int:
        number = self._by_key.get(key)
        if number is None:
            if self._free:
                number = heappop(self._free)
            else:
                number, self._next = self._next, self._next + 1
            self._by_key[key] = number
            self.keys[number] = key
        return number

    def free(self, number: int) -> None:
        del self._by_key[self.keys.pop(number)]
        heappush(self._free, number)
