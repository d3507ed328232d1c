"""Connections and translations that ended: found by what their entries say, removed in batches.

The kernel drops the least recently used when a map is full, so this only keeps maps small and
what they show true; nothing waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from bpf import maps
from bpf.maps import Fields, Map

TIMEOUTS_S: Final = (60, 21600, 10, 60)
"""By state: opening, established, closing, datagram; as in ``programs/tracking.h``."""
_CT_STATE, _NAT_STATE = 10, 5
_UDP: Final = 17


def collect(tables: dict[str, Map], now_ns: int | None = None) -> dict[str, int]:
    """Remove what has timed out; return how many entries of each map.

    ``now_ns`` is of the monotonic clock.
    """
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) if now_ns is None else now_ns
    places = {maps.CT: _CT_STATE, maps.OPENING: _CT_STATE, maps.NAT: _NAT_STATE}
    removed = {}
    for spec, place in places.items():
        over = partial(_is_over, place=place, now=now)
        removed[spec.name] = _remove(tables[spec.name], over)
    return removed


def forget_backends(nat: Map, backends: Iterable[tuple[bytes, bytes]]) -> int:
    """Remove translations of datagrams to or from backends, as (address, port); return how many.

    A client of datagrams that goes on sending then meets another backend.
    """
    gone = set(backends)

    def is_about(key: Fields, value: Fields) -> bool:
        return key[4] == _UDP and ((value[2], value[4]) in gone or (key[0], key[2]) in gone)

    return _remove(nat, is_about) if gone else 0


def _remove(table: Map, is_wanted: Callable[[Fields, Fields], bool]) -> int:
    found = [key for key, value in table.items() if is_wanted(key, value)]
    table.delete_all(found)
    return len(found)


def _is_over(_key: Fields, value: Fields, place: int, now: int) -> bool:
    seen, state = value[0], value[place]
    assert isinstance(seen, int) and isinstance(state, int)
    return now - seen > TIMEOUTS_S[min(state, len(TIMEOUTS_S) - 1)] * 1_000_000_000
