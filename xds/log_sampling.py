"""What share of its requests Envoy reports one by one: all, until that costs too much.

To read an entry costs about as much as to serve the request it is about, and nobody can follow
hundreds in a second. All are counted in Envoy's statistics.
"""

from __future__ import annotations

MOST_PER_S = 250
"""Entries in a second that are worth their cost."""
SHARE_KEY = "lockgate.access_log_share"
"""Runtime key of the share, in Envoy."""
LEAST_SHARE = 0.01
"""Envoy takes whole percents."""
_GROWTH = 2.0
"""How fast the share grows again when there is room."""


def next_share(share: float, per_s: float) -> float:
    """Return the share to report from now on, of the present one and the entries that came."""
    if per_s > MOST_PER_S:
        return max(LEAST_SHARE, share * MOST_PER_S / per_s)
    if per_s < MOST_PER_S / _GROWTH:
        return min(1.0, share * _GROWTH)
    return share


def share_value(share: float) -> str:
    """Return the runtime value of a share."""
    return str(max(1, round(share * 100)))
