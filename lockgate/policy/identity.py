"""Identities: label sets, and address blocks that policies name, to numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lockgate.ir import node
from lockgate.model.meta import Labels, labels_of
from lockgate.model.policy import (
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    RESERVED_PREFIX,
    SERVICE_ACCOUNT_LABEL,
)
from lockgate.model.workload import Namespace, Pod

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
_KEPT = re.compile(r"^app\.kubernetes\.io/")


def identity_labels(pod: Pod, namespace: Namespace | None) -> Labels:
    """Return the labels that make a pod's identity, keyed as selectors read them."""
    labels = {
        key: value for key, value in pod.labels if _KEPT.match(key) or not _DROPPED.match(key)
    }
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

    What the last agent numbered is numbered alike by the next.
    """

    def __init__(self, restored: Mapping[str, Any] | None = None) -> None:
        known = restored or {}
        self._numbers: dict[Labels, int] = {
            tuple((key, value) for key, value in pairs): number
            for pairs, number in known.get("labels", [])
        }
        self._cidrs: dict[str, int] = dict(known.get("cidrs", {}))
        self._holders: dict[int, int] = {}

    def acquire(self, labels: Labels) -> int:
        """Return the number of a label set and hold it once more."""
        number = self._numbers.get(labels)
        if number is None:
            number = _lowest_free(node.FIRST_IDENTITY, self._numbers.values())
            self._numbers[labels] = number
        self._holders[number] = self._holders.get(number, 0) + 1
        return number

    def acquire_cidr(self, cidr: str) -> int:
        """Return the number of an address block and hold it once more."""
        number = self._cidrs.get(cidr)
        if number is None:
            number = _lowest_free(node.FIRST_CIDR_IDENTITY, self._cidrs.values())
            self._cidrs[cidr] = number
        self._holders[number] = self._holders.get(number, 0) + 1
        return number

    def release(self, number: int) -> bool:
        """Hold a number once less; return whether nobody holds it now and it is free again."""
        left = self._holders.get(number, 0) - 1
        if left > 0:
            self._holders[number] = left
            return False
        self._holders.pop(number, None)
        self._numbers = {key: held for key, held in self._numbers.items() if held != number}
        self._cidrs = {key: held for key, held in self._cidrs.items() if held != number}
        return True

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to number alike."""
        return {
            "labels": [[list(map(list, labels)), n] for labels, n in self._numbers.items()],
            "cidrs": dict(self._cidrs),
        }


def _lowest_free(first: int, taken: Iterable[int]) -> int:
    used = set(taken)
    return next(number for number in range(first, first + len(used) + 1) if number not in used)
