"""Consistent choice of backends: every node maps a flow to the same one.

A change of the backends moves few of the others' flows.

Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", 2016, 3.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

SLOTS: Final = 1021
"""Prime, so that every step through the table visits all slots; well above 100 backends each is
served within a few percent of its share."""


def table(backends: Sequence[tuple[str, int]]) -> list[int]:
    """Return for each slot the index of its backend; ``backends`` must be sorted and not empty.

    Backends take turns to claim the next free slot of a permutation of their own.
    """
    walks = [_walk(f"{address}|{port}") for address, port in backends]
    positions = [offset for offset, _ in walks]
    found = [-1] * SLOTS
    filled = 0
    while True:
        for index, (_, step) in enumerate(walks):
            at = positions[index]
            while found[at] >= 0:
                at = (at + step) % SLOTS
            found[at] = index
            positions[index] = (at + step) % SLOTS
            filled += 1
            if filled == SLOTS:
                return found


def _walk(name: str) -> tuple[int, int]:
    """Return where a backend's permutation begins and how far apart its elements are."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    offset, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    return offset % SLOTS, step % (SLOTS - 1) + 1
