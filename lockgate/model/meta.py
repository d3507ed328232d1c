"""What every declared object has: a reference, labels and, where it is wrong, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by key, so that equal sets are equal values."""


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """Return a mapping as sorted pairs."""
    return tuple(sorted(mapping.items()))


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one declared object; ``namespace`` is empty for cluster-wide kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"

    @property
    def path(self) -> str:
        """``namespace/name``, or the bare name of a cluster-wide object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong in a declared object, as the user should read it.

    ``field`` is a path such as ``spec.ingress[0].toPorts[0].ports[0].port``; ``origin`` is where
    the object was read, such as ``shop.yaml document 2 line 14``, or empty.
    """

    ref: ObjectRef
    field: str
    reason: str
    """One CamelCase word, as a condition's reason is."""
    message: str
    fix: str = ""
    origin: str = ""

    def __str__(self) -> str:
        where = f" ({self.origin})" if self.origin else ""
        fix = f"; {self.fix}" if self.fix else ""
        field = f" {self.field}:" if self.field else ""
        return f"{self.ref}{where}:{field} {self.message}{fix}"
