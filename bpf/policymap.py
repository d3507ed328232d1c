"""Policy entries as the kernel's map holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bpf.maps import Fields, port_bytes
from lockgate.errors import BpfError
from lockgate.ir.node import PolicyEntry, RowKey

DIRECTIONS: Final = {"ingress": 0, "egress": 1}
VERDICTS: Final = {"allow": 1, "deny": 2, "redirect": 3}
_FIXED_BITS: Final = 32 + 32 + 8
_PROTOCOL_BITS: Final = 8


def key_of(endpoint_id: int, entry: PolicyEntry) -> Fields:
    """Return the key of an entry; its prefix ends where protocol or port stop mattering."""
    bits = _FIXED_BITS + (_PROTOCOL_BITS + entry.port_bits if entry.protocol else 0)
    return (
        bits, endpoint_id, entry.identity, DIRECTIONS[entry.direction], entry.protocol,
        port_bytes(entry.port),
    )  # fmt: skip


def row_of(key: Fields) -> RowKey:
    """Return the direction and the peer's identity that a key is about."""
    _, _, identity, direction, _, _ = key
    assert isinstance(identity, int)
    return ("egress" if direction == DIRECTIONS["egress"] else "ingress"), identity


def value_of(entry: PolicyEntry, class_ids: Mapping[str, int]) -> Fields:
    """Return the value of an entry; ``class_ids`` numbers rule sets.

    Raises: BpfError: the entry's rule set has no number.
    """
    if entry.verdict != "redirect":
        return VERDICTS[entry.verdict], 0, 0
    if entry.rule_set not in class_ids:
        raise BpfError(f"rule set {entry.rule_set} has no class id")
    return VERDICTS["redirect"], 0, class_ids[entry.rule_set]
