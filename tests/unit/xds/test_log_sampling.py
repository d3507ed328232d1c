"""What share of its requests a busy Envoy reports."""

from __future__ import annotations

import pytest

from xds.log_sampling import LEAST_SHARE, MOST_PER_S, next_share, share_value


@pytest.mark.parametrize(
    ("share", "per_s", "wanted"),
    [
        (1.0, 0, 1.0),
        (1.0, MOST_PER_S, 1.0),
        (1.0, 4 * MOST_PER_S, 0.25),
        (0.25, 0.75 * MOST_PER_S, 0.25),
        (0.25, 0.1 * MOST_PER_S, 0.5),
        (0.75, 0, 1.0),
        (LEAST_SHARE, 10 * MOST_PER_S, LEAST_SHARE),
    ],
)
def test_the_share_follows_the_load(share: float, per_s: float, wanted: float) -> None:
    assert next_share(share, per_s) == wanted


def test_a_share_is_a_percentage_to_envoy() -> None:
    assert [share_value(share) for share in (1.0, 0.25, LEAST_SHARE)] == ["100", "25", "1"]
