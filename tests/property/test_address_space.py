"""Whatever is taken and released in whatever order, nothing free overlaps what is taken."""

from __future__ import annotations

from ipaddress import ip_address, summarize_address_range

from hypothesis import given
from hypothesis import strategies as st

from controllers.address_space import AddressSpace, Prefix, range_prefixes
from controllers.pod_cidrs import NodeCidrs, PodCidrs, read_pools

ROOT = Prefix.of("10.0.0.0/24")


@st.composite
def prefixes(draw: st.DrawFn) -> Prefix:
    length = draw(st.integers(24, 32))
    offset = draw(st.integers(0, (1 << (length - 24)) - 1))
    return Prefix("IPv4", length, (ROOT.value << (length - 24)) + offset)


steps = st.lists(st.tuples(prefixes(), st.integers(0, 10)), max_size=30)


def addresses(prefix: Prefix) -> set[int]:
    first = int(ip_address(prefix.address))
    return set(range(first, first + prefix.parts(32)))


def walk(moves: list[tuple[Prefix, int]]) -> tuple[AddressSpace, list[Prefix]]:
    """Take prefixes, releasing an earlier one now and then."""
    space, taken = AddressSpace("IPv4"), list[Prefix]()
    for prefix, number in moves:
        if number < len(taken):
            space.release(taken.pop(number))
        space.take(prefix)
        taken.append(prefix)
    return space, taken


@given(steps, st.integers(24, 32), prefixes())
def test_what_is_found_is_free_and_found_if_there_is_any(
    moves: list[tuple[Prefix, int]], length: int, asked: Prefix
) -> None:
    space, taken = walk(moves)
    used = set[int]().union(*map(addresses, taken))
    every = [
        Prefix("IPv4", length, (ROOT.value << (length - 24)) + n) for n in range(2 ** (length - 24))
    ]
    free = [one for one in every if not addresses(one) & used]
    after = Prefix("IPv4", length, every[-1].value if asked.value % 2 else every[0].value)
    behind = [one for one in free if one.value > after.value]
    assert space.free(ROOT, length) == (free[0] if free else None)
    assert space.free(ROOT, length, after) == (behind or free or [None])[0]
    assert space.is_free(asked) == (not addresses(asked) & used)


@given(steps)
def test_releasing_everything_leaves_no_trace(moves: list[tuple[Prefix, int]]) -> None:
    space, taken = walk(moves)
    for prefix in taken:
        space.release(prefix)
    assert space.free(ROOT, 24) == ROOT
    assert not space._room
    assert not space._taken


@given(st.lists(prefixes(), max_size=12), st.randoms())
def test_the_order_of_adoption_does_not_matter(taken: list[Prefix], random: object) -> None:
    first, second = AddressSpace("IPv4"), AddressSpace("IPv4")
    shuffled = sorted(taken, key=lambda _: random.random())  # type: ignore[attr-defined]
    for prefix in taken:
        first.take(prefix)
    for prefix in shuffled:
        second.take(prefix)
    assert first._room == second._room
    assert all(first.free(ROOT, n) == second.free(ROOT, n) for n in range(24, 33))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_range_is_the_fewest_prefixes(one: int, other: int) -> None:
    first, last = ip_address(min(one, other)), ip_address(max(one, other))
    expected = [str(row) for row in summarize_address_range(first, last)]  # type: ignore[type-var]
    assert [str(row) for row in range_prefixes(str(first), str(last))] == expected


POOLS = ("10.0.0.0/28:30", "10.0.1.0/29:30", "fd00::/60:64")
"""Room for 4 + 2 nodes in IPv4, for 16 in IPv6."""
node_steps = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.booleans(), st.integers(0, 3)), max_size=40
)


@given(node_steps)
def test_nodes_never_overlap_and_lack_a_prefix_only_if_all_are_used(
    moves: list[tuple[str, bool, int]],
) -> None:
    cidrs = PodCidrs(read_pools(POOLS))
    given_to: dict[str, tuple[str, ...]] = {}
    known: set[str] = set()
    due: dict[str, None] = {}

    def decide(most: int) -> None:
        due.update(dict.fromkeys(cidrs.take_again()))
        for one in list(due)[:most]:
            del due[one]
            decision = cidrs.decide(one)
            if decision.cidrs:
                assert given_to.get(one, decision.cidrs) == decision.cidrs
                given_to[one] = decision.cidrs

    for name, comes, decisions in moves:
        if comes:
            known.add(name)
            cidrs.put(NodeCidrs(name, name, given_to.get(name, ())))
        else:
            known.discard(name)
            given_to.pop(name, None)
            cidrs.remove(name)
        decide(decisions)
        rows = [Prefix.of(text) for texts in given_to.values() for text in texts]
        assert not any(row.overlaps(other) for n, row in enumerate(rows) for other in rows[n + 1 :])
    for _ in range(50):
        decide(10)
    assert not due
    assert len(given_to) == min(len(known), 6)
    assert cidrs.waiting == len(known) - len(given_to)


@given(st.permutations("abcdef"), st.permutations("abcdef"))
def test_a_restart_moves_nothing(first: list[str], second: list[str]) -> None:
    before = PodCidrs(read_pools(POOLS))
    given_to: dict[str, tuple[str, ...]] = {}
    for name in first:
        before.put(NodeCidrs(name, name))
        given_to[name] = before.decide(name).cidrs
    after = PodCidrs(read_pools(POOLS))
    for name in second:
        after.put(NodeCidrs(name, name, given_to[name]))
    assert all(after.decide(name) == after.decide(name) for name in second)
    assert not any(after.decide(name).cidrs or after.decide(name).problems for name in second)
    after.put(NodeCidrs("late", "late"))
    assert after.decide("late").problems[0].reason == "PodCIDRsExhausted"
    after.take_again()
    after.remove("a")
    assert after.take_again() == ["late"]
    assert after.decide("late").cidrs == given_to["a"]
