"""Fields that policies of several kinds have."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.model.policy import NAMESPACE_LABEL, CidrBlock
from lockgate.model.selector import Requirement
from lockgate.sources.fields import Reading

LAST_PORT = 65535


def in_namespace(namespace: str) -> Requirement:
    """Return what keeps a selector within a namespace."""
    return Requirement(NAMESPACE_LABEL, "In", (namespace,))


def block(read: Reading, cidr: str, excluded: Sequence[str], field: str) -> CidrBlock:
    """Read an address block; a bare address is none."""
    if "/" not in cidr:
        length = 128 if ":" in cidr else 32
        read.refuse(
            f"{field}.cidr", "InvalidCIDR", f"{cidr!r} has no prefix length",
            f"write {cidr}/{length}",
        )  # fmt: skip
    outer = read.cidr(cidr, f"{field}.cidr")
    inner = [read.cidr(text, f"{field}.except[{n}]") for n, text in enumerate(excluded)]
    for number, text in enumerate(inner):
        read.inside(text, outer, f"{field}.except[{number}]")
    return CidrBlock(outer, tuple(sorted(inner)))


def check_range(read: Reading, first: int, last: int | None, field: str) -> None:
    """Check that a range of ports has a first one that is not after the last."""
    if last is not None and first == 0:
        read.refuse(f"{field}.endPort", "InvalidPort", "a range needs a first port", "set port")
    elif last is not None and last < first:
        read.refuse(
            f"{field}.endPort", "InvalidPort", f"{last} is before the first port {first}",
            "use a last port that is not smaller",
        )  # fmt: skip
