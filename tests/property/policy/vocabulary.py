"""The few words that everything drawn is made of, so that it has to do with each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.property.policy.naive import Doc

Docs = st.SearchStrategy[Doc]

SPACES, APPS, TIERS, TEAMS = ("a", "b", "c"), ("x", "y", "z"), ("1", "2"), ("red", "blue")
OUTSIDE = ("192.0.2.10", "198.51.100.7", "2001:db8::7")
PORTS = ((80, "TCP"), (81, "TCP"), (8080, "TCP"), (53, "UDP"), (80, "SCTP"))
BLOCKS = (
    "0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.1.0.0/16", "10.0.0.0/30", "10.0.0.1/32",
    "192.0.2.0/24", "192.0.2.77/28", "::/0", "fd00::/16", "fd00::1:0/126", "2001:db8::/32",
)  # fmt: skip
EXCEPT = {
    "0.0.0.0/0": ("10.0.0.0/16", "10.0.0.1/32", "192.0.2.0/25"),
    "10.0.0.0/8": ("10.0.0.0/16", "10.0.1.0/31", "10.1.0.0/16"),
    "10.0.1.0/24": ("10.0.1.0/30", "10.0.1.1/32"),
    "192.0.2.0/24": ("192.0.2.10/32",),
    "::/0": ("fd00::/16", "2001:db8::7/128"),
}


def optional(**members: st.SearchStrategy[Any]) -> Docs:
    return st.fixed_dictionaries({}, optional=members)


def exactly(**members: Any) -> Docs:
    return st.fixed_dictionaries(
        {
            key: value if isinstance(value, st.SearchStrategy) else st.just(value)
            for key, value in members.items()
        }
    )


def few(items: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(items, min_size=least, max_size=most)


def mostly(
    usual: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any], odds: int
) -> st.SearchStrategy[Any]:
    """Draw the seldom one once in so many times; ``one_of`` would take both alike."""
    return st.integers(0, odds - 1).flatmap(lambda number: usual if number else seldom)


any_of = st.sampled_from
pod_labels = optional(app=any_of(APPS), tier=any_of(TIERS))
