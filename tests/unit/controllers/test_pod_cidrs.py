"""What nodes get, keep and are told about their pod CIDRs."""

from __future__ import annotations

import pytest

from controllers.address_space import Prefix
from controllers.pod_cidrs import NodeCidrs, PodCidrs, read_pools
from lockgate.errors import ConfigError


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (("10.0.0.0/16",), "cannot be read"),
        (("10.0.0.0/16:x",), "cannot be read"),
        (("ten:24",), "cannot be read"),
        (("10.0.0.0/16:15",), "16 to 32"),
        (("10.0.0.0/16:33",), "16 to 32"),
        (("fd00::/16:64",), "16 to 48"),
        (("10.0.0.0/16:24", "10.0.128.0/17:26"), "overlap"),
    ],
)
def test_pools_that_cannot_be_used_are_refused(texts: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_pools(texts)


@pytest.mark.parametrize(
    ("pools", "held", "given", "reasons"),
    [
        ((), (), (), []),
        (("10.0.0.0/16:24",), (), ("10.0.0.0/24",), []),
        (("10.0.1.0/16:24",), (), ("10.0.0.0/24",), []),
        (("fd00::/56:64", "10.0.0.0/16:24"), (), ("fd00::/64", "10.0.0.0/24"), []),
        (("10.0.0.0/24:24", "10.1.0.0/24:25"), (), ("10.0.0.0/24",), []),
        (("10.0.0.0/16:24",), ("192.168.0.0/24",), (), []),
        (("10.0.0.0/16:24", "fd00::/56:64"), ("10.0.7.0/24",), (), ["PodCIDRMissing"]),
        (("10.0.0.0/16:24",), ("nonsense",), (), ["PodCIDRMissing"]),
    ],
)
def test_a_node(
    pools: tuple[str, ...], held: tuple[str, ...], given: tuple[str, ...], reasons: list[str]
) -> None:
    cidrs = PodCidrs(read_pools(pools))
    cidrs.put(NodeCidrs("a", "1", held))
    assert cidrs.take_again() == ["a"]
    decision = cidrs.decide("a")
    assert decision.cidrs == given
    assert [problem.reason for problem in decision.problems] == reasons
    assert cidrs.decide("a") == decision


def test_the_second_pool_is_used_when_the_first_is_used_up_and_its_parts_are_its_own() -> None:
    cidrs = PodCidrs(read_pools(("10.0.0.0/25:26", "10.1.0.0/16:28")))
    for name in "abcd":
        cidrs.put(NodeCidrs(name, name))
    assert [cidrs.decide(name).cidrs for name in "abcd"] == [
        ("10.0.0.0/26",), ("10.0.0.64/26",), ("10.1.0.0/28",), ("10.1.0.16/28",),
    ]  # fmt: skip


def test_what_is_adopted_takes_the_place_of_all_it_overlaps() -> None:
    cidrs = PodCidrs(read_pools(("10.0.0.0/23:25",)))
    cidrs.put(NodeCidrs("wide", "1", ("10.0.0.0/24",)))
    cidrs.put(NodeCidrs("narrow", "2", ("10.0.1.7/32",)))
    cidrs.put(NodeCidrs("new", "3"))
    assert cidrs.decide("new").cidrs == ("10.0.1.128/25",)
    cidrs.put(NodeCidrs("late", "4"))
    assert cidrs.decide("late").problems[0].reason == "PodCIDRsExhausted"
    cidrs.put(NodeCidrs("later", "5"))
    cidrs.decide("later")
    cidrs.take_again()
    cidrs.remove("wide")
    given = []
    for name in ("late", "later"):
        assert cidrs.take_again() == [name]
        given.append(cidrs.decide(name).cidrs)
    assert given == [("10.0.0.0/25",), ("10.0.0.128/25",)]


def test_what_came_free_is_for_the_next_when_the_first_goes_before_it_has_it() -> None:
    cidrs = PodCidrs(read_pools(("10.0.0.0/24:24",)))
    for name in ("has", "first", "second"):
        cidrs.put(NodeCidrs(name, name))
        cidrs.decide(name)
    cidrs.put(NodeCidrs("first", "first"))
    cidrs.decide("first")
    cidrs.take_again()
    cidrs.remove("has")
    assert cidrs.take_again() == ["first"]
    cidrs.remove("first")
    assert cidrs.take_again() == ["second"]
    assert cidrs.decide("second").cidrs == ("10.0.0.0/24",)


def test_what_another_node_brings_is_not_given_to_the_one_it_was_meant_for() -> None:
    cidrs = PodCidrs(read_pools(("10.0.0.0/16:24",)))
    cidrs.put(NodeCidrs("a", "1"))
    assert cidrs.decide("a").cidrs == ("10.0.0.0/24",)
    cidrs.put(NodeCidrs("b", "2", ("10.0.0.0/24",)))
    assert cidrs.decide("a").cidrs == ("10.0.1.0/24",)
    assert not cidrs.decide("b").problems


def test_what_was_just_released_is_the_last_to_be_given_again() -> None:
    cidrs = PodCidrs(read_pools(("10.0.0.0/23:24",)))
    cidrs.put(NodeCidrs("a", "1"))
    assert cidrs.decide("a").cidrs == ("10.0.0.0/24",)
    cidrs.put(NodeCidrs("a", "2"))
    assert cidrs.decide("a").cidrs == ("10.0.1.0/24",)
    cidrs.remove("a")
    assert cidrs.used == dict.fromkeys(cidrs.pools, 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("fd00::1", "fd00::1/128"),
     ("0.0.0.0/0", "0.0.0.0/0"), ("FD00::/16", "fd00::/16")],
)  # fmt: skip
def test_prefixes_are_shown_as_they_are_read(text: str, shown: str) -> None:
    assert str(Prefix.of(text)) == shown
