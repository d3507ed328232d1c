"""Who gets which address of a load balancer, as a table of cases and under random change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.conditions import Condition, Shown
from controllers.load_balanced import ADDRESSES, LoadBalanced, read_load_balanced
from controllers.service_addresses import AddressDecision, ServiceAddresses
from lockgate.model.address_pool import AddressPool
from lockgate.model.selector import LabelSelector, Requirement

OURS = Shown(Condition(True, "Assigned", ""), "2026-01-01T00:00:00Z")
HTTP, HTTPS = frozenset({("TCP", 80)}), frozenset({("TCP", 443)})


def service(name: str, **fields: Any) -> LoadBalanced:
    return LoadBalanced("shop", name, f"uid-{name}", **fields)


def decided(addresses: ServiceAddresses, name: str) -> AddressDecision:
    found = addresses.decide(("shop", name))
    assert found is not None
    return found


def outcome(found: AddressDecision) -> list[str]:
    """Return the addresses, or the reasons why there are not all."""
    return [*found.addresses, *(problem.reason for problem in found.problems)]


POOL = AddressPool("p", ("192.0.2.0/30",), (("192.0.2.9", "192.0.2.10"),))
SIX = AddressPool("six", ("2001:db8::/126",))
BOTH = ("IPv4", "IPv6")


@pytest.mark.parametrize(
    ("pools", "asking", "expected"),
    [
        ([POOL], {}, ["192.0.2.0"]),
        ([], {}, ["NoAddressPool"]),
        ([SIX], {}, ["NoAddressPool"]),
        ([SIX], {"families": ("IPv6",)}, ["2001:db8::"]),
        ([POOL, SIX], {"families": BOTH}, ["192.0.2.0", "2001:db8::"]),
        ([POOL, SIX], {"families": ("IPv6", "IPv4")}, ["2001:db8::", "192.0.2.0"]),
        ([POOL], {"families": BOTH}, ["192.0.2.0", "NoAddressPool"]),
        ([POOL], {"families": BOTH, "needs_all_families": False}, ["192.0.2.0"]),
        ([POOL], {"requested": ("192.0.2.10",)}, ["192.0.2.10"]),
        ([POOL], {"requested": ("192.0.2.8",)}, ["AddressNotInPool"]),
        ([POOL], {"requested": ("192.0.2.8", "192.0.2.2")}, ["192.0.2.2", "AddressNotInPool"]),
        ([POOL, SIX], {"requested": ("2001:db8::1",)}, ["NoSuchFamily"]),
        ([AddressPool("p", POOL.cidrs, disabled=True)], {}, ["AddressPoolExhausted"]),
        ([AddressPool("p", POOL.cidrs, namespaces=("other",))], {}, ["NoAddressPool"]),
        ([AddressPool("p", POOL.cidrs, namespaces=("shop",))], {}, ["192.0.2.0"]),
        (
            [AddressPool("p", POOL.cidrs, selector=LabelSelector((Requirement("a", "Exists"),)))],
            {},
            ["NoAddressPool"],
        ),
        (
            [AddressPool("p", POOL.cidrs, selector=LabelSelector((Requirement("a", "Exists"),)))],
            {"labels": (("a", "b"),)},
            ["192.0.2.0"],
        ),
    ],
)
def test_a_first_service(
    pools: list[AddressPool], asking: dict[str, Any], expected: list[str]
) -> None:
    addresses = ServiceAddresses()
    for pool in pools:
        addresses.put_pool(pool)
    addresses.put(service("a", **asking))
    assert outcome(decided(addresses, "a")) == expected


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ({"sharing_key": "k", "ports": HTTP}, {"sharing_key": "k", "ports": HTTPS}, True),
        ({"sharing_key": "k", "ports": HTTP}, {"sharing_key": "k", "ports": HTTP}, False),
        ({"sharing_key": "k", "ports": HTTP}, {"sharing_key": "l", "ports": HTTPS}, False),
        ({"sharing_key": "", "ports": HTTP}, {"sharing_key": "", "ports": HTTPS}, False),
        (
            {"sharing_key": "k", "ports": HTTP, "only_local": True, "selector": (("a", "b"),)},
            {"sharing_key": "k", "ports": HTTPS},
            False,
        ),
        (
            {"sharing_key": "k", "ports": HTTP, "only_local": True},
            {"sharing_key": "k", "ports": HTTPS},
            True,
        ),
        (
            {"sharing_key": "k", "ports": HTTP},
            {"sharing_key": "k", "ports": frozenset({("UDP", 80)})},
            True,
        ),
    ],
)
def test_who_shares(first: dict[str, Any], second: dict[str, Any], share: bool) -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(POOL)
    addresses.put(service("a", **first))
    addresses.put(service("b", **second))
    one, other = decided(addresses, "a").addresses, decided(addresses, "b").addresses
    assert (one == other) == share
    addresses.put(service("c", requested=one))
    assert outcome(decided(addresses, "c")) == ["AddressInUse"]


def test_sharers_part_when_their_ports_meet_and_the_one_that_changed_moves() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(POOL)
    addresses.put(service("a", sharing_key="k", ports=HTTP))
    addresses.put(service("b", sharing_key="k", ports=HTTPS))
    assert decided(addresses, "a").addresses == decided(addresses, "b").addresses
    addresses.put(service("b", sharing_key="k", ports=HTTP | HTTPS))
    assert decided(addresses, "b").addresses == ("192.0.2.1",)
    assert decided(addresses, "a").addresses == ("192.0.2.0",)


def test_what_is_shown_is_kept_and_of_two_that_show_it_the_first_keeps_it() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(POOL)
    addresses.put(service("a", shown=("192.0.2.2",), condition=OURS))
    addresses.put(service("b", shown=("192.0.2.2",), condition=OURS))
    addresses.put(service("c", shown=("198.51.100.1", "gate.test"), condition=OURS))
    assert [decided(addresses, name).addresses for name in "abc"] == [
        ("192.0.2.2",), ("192.0.2.0",), ("192.0.2.1",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "is_left"),
    [
        ({"shown": ("198.51.100.1",)}, True),
        ({"shown": ("198.51.100.1",), "names_class": True}, False),
        ({"shown": ("198.51.100.1",), "condition": OURS}, False),
        ({"shown": ("192.0.2.1",)}, False),
        ({"is_ours": False}, True),
        ({"is_ours": False, "shown": ("192.0.2.1",)}, True),
    ],
)
def test_what_is_left_to_others(fields: dict[str, Any], is_left: bool) -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(POOL)
    addresses.put(service("a", **fields))
    assert (addresses.decide(("shop", "a")) is None) == is_left
    assert addresses.assigned == (not is_left)


def test_a_service_that_is_ours_no_longer_shows_nothing_of_ours_and_frees_what_it_had() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.1/32",)))
    addresses.put(service("a"))
    addresses.put(service("b"))
    assert outcome(decided(addresses, "a")) == ["192.0.2.1"]
    assert outcome(decided(addresses, "b")) == ["AddressPoolExhausted"]
    addresses.take_again()
    addresses.put(service("a", is_ours=False, condition=OURS))
    assert decided(addresses, "a") == AddressDecision(is_ours=False)
    assert set(addresses.take_again()) == {("shop", "a"), ("shop", "b")}
    assert outcome(decided(addresses, "b")) == ["192.0.2.1"]


def test_a_free_address_wakes_who_asks_for_it_and_one_of_those_who_take_any() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.0/31",)))
    addresses.put_pool(AddressPool("q", ("198.51.100.0/32",), namespaces=("other",)))
    for name in ("a", "b", "c", "d"):
        addresses.put(service(name))
    addresses.put(service("asks", requested=("192.0.2.0",)))
    addresses.put(service("other", requested=("192.0.2.1",)))
    for name in ("a", "b", "c", "d", "asks", "other"):
        decided(addresses, name)
    assert addresses.lacking == 4
    addresses.take_again()
    addresses.remove(("shop", "a"))
    assert addresses.take_again() == [("shop", "asks"), ("shop", "c")]


def test_a_pool_that_lost_an_address_moves_only_who_had_it() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.0/31",)))
    addresses.put_pool(AddressPool("q", ("198.51.100.0/31",)))
    for name in ("a", "b", "c"):
        addresses.put(service(name))
        decided(addresses, name)
    addresses.take_again()
    addresses.put_pool(AddressPool("p", ("192.0.2.0/32",)))
    assert set(addresses.take_again()) == {("shop", "a"), ("shop", "b")}
    assert decided(addresses, "a").addresses == ("192.0.2.0",)
    assert decided(addresses, "b").addresses == ("198.51.100.1",)
    addresses.remove_pool("q")
    assert set(addresses.take_again()) == {("shop", "b"), ("shop", "c")}
    assert [outcome(decided(addresses, name)) for name in "bc"] == [["AddressPoolExhausted"]] * 2


def test_a_service_is_read_as_the_api_server_has_it() -> None:
    document = {
        "metadata": {
            "namespace": "shop", "name": "a", "uid": "u", "generation": 3,
            "annotations": {ADDRESSES: "192.0.2.1, 2001:DB8::1, x"},
        },
        "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "ours", "loadBalancerIP": "192.0.2.9",
            "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack",
            "externalTrafficPolicy": "Local",
            "ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "2001:DB8::2"}, {"hostname": "a.test"}]}},
    }  # fmt: skip
    found = read_load_balanced(document, "ours", without_class=False)
    assert found.is_ours
    assert found.names_class
    assert found.requested == ("192.0.2.1", "2001:db8::1")
    assert found.families == ("IPv4", "IPv6")
    assert not found.needs_all_families
    assert found.only_local
    assert found.ports == {("TCP", 80), ("UDP", 53)}
    assert found.shown == ("2001:db8::2", "a.test")
    assert [problem.reason for problem in found.problems] == ["InvalidAddress"]
    assert not read_load_balanced(document, "other", without_class=True).is_ours


def test_who_waits_keeps_its_place_however_often_it_is_decided() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.1/32",)))
    for name in ("has", "first", "second"):
        addresses.put(service(name))
        decided(addresses, name)
    addresses.put(service("first", condition=OURS))
    decided(addresses, "first")
    addresses.take_again()
    addresses.remove(("shop", "has"))
    assert addresses.take_again() == [("shop", "first")]


def test_what_came_free_is_for_the_next_when_the_first_goes_before_it_has_it() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.1/32",)))
    for name in ("has", "first", "second"):
        addresses.put(service(name))
        decided(addresses, name)
    addresses.take_again()
    addresses.remove(("shop", "has"))
    addresses.remove(("shop", "first"))
    assert addresses.take_again() == [("shop", "second")]


def test_a_second_family_that_is_only_preferred_is_given_when_there_is_one() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(POOL)
    addresses.put(service("a", families=BOTH, needs_all_families=False))
    assert outcome(decided(addresses, "a")) == ["192.0.2.0"]
    assert addresses.lacking == 0
    addresses.take_again()
    addresses.put_pool(SIX)
    assert addresses.take_again() == [("shop", "a")]
    assert outcome(decided(addresses, "a")) == ["192.0.2.0", "2001:db8::"]


def test_who_could_not_share_does_when_the_other_changes() -> None:
    addresses = ServiceAddresses()
    addresses.put_pool(AddressPool("p", ("192.0.2.1/32",)))
    addresses.put(service("a", sharing_key="k", ports=HTTP | HTTPS))
    addresses.put(service("b", sharing_key="k", ports=HTTPS))
    addresses.put(service("c", sharing_key="k", ports=frozenset(), requested=("192.0.2.1",)))
    assert outcome(decided(addresses, "a")) == ["192.0.2.1"]
    assert outcome(decided(addresses, "b")) == ["AddressPoolExhausted"]
    addresses.put(service("a", sharing_key="k", ports=HTTP))
    addresses.take_again()
    decided(addresses, "a")
    assert ("shop", "b") in addresses.take_again()
    assert outcome(decided(addresses, "b")) == ["192.0.2.1"]


names = st.sampled_from("abcdefgh")
services = st.builds(
    service,
    names,
    requested=st.sampled_from([(), (), (), ("192.0.2.1",), ("192.0.2.2", "192.0.2.9")]),
    sharing_key=st.sampled_from(["", "", "k", "l"]),
    ports=st.sampled_from([HTTP, HTTPS, HTTP | HTTPS]),
    is_ours=st.sampled_from([True, True, True, False]),
    families=st.sampled_from([("IPv4",), ("IPv6",), BOTH]),
    needs_all_families=st.booleans(),
)
pools = st.builds(
    AddressPool,
    st.sampled_from("pq"),
    st.sampled_from([("192.0.2.1/32",), ("192.0.2.0/31", "2001:db8::/128"), ("2001:db8::/127",)]),
    st.sampled_from([(), (("192.0.2.2", "192.0.2.3"),)]),
    disabled=st.sampled_from([False, False, True]),
)
gone = names.map(lambda name: ("gone", name))
moves = st.lists(
    st.tuples(st.one_of(services, services, services, pools, gone), st.integers(0, 3)),
    min_size=12,
    max_size=60,
)


class Cluster:
    """Services and pools that change, and decisions that are made sooner or later."""

    def __init__(self) -> None:
        self.addresses = ServiceAddresses()
        self.known: dict[str, LoadBalanced] = {}
        self.shown: dict[str, tuple[str, ...]] = {}
        self._due: dict[tuple[str, str], None] = {}

    def move(self, made: Any) -> None:
        if isinstance(made, AddressPool):
            self.addresses.put_pool(made)
        elif isinstance(made, LoadBalanced):
            self.known[made.name] = made
            self.addresses.put(made)
        else:
            self.known.pop(made[1], None)
            self.shown.pop(made[1], None)
            self.addresses.remove(("shop", made[1]))

    def decide(self, most: int) -> bool:
        """Make some of the decisions that are due; tell whether any was."""
        self._due |= dict.fromkeys(self.addresses.take_again())
        part = list(self._due)[:most]
        for key in part:
            del self._due[key]
            found = self.addresses.decide(key)
            if key[1] in self.known:
                self.shown[key[1]] = found.addresses if found else ()
        return bool(part)


@given(moves)
def test_an_address_is_of_one_service_or_shared_and_nobody_waits_beside_a_free_one(
    made: list[Any],
) -> None:
    cluster = Cluster()
    for move, decisions in made:
        cluster.move(move)
        cluster.decide(decisions)
    for _ in range(1000):
        if not cluster.decide(8):
            break
    else:
        pytest.fail("decisions bring about each other for ever")
    for row in cluster.known.values():
        check_held(cluster, row)
        check_lacking(cluster, row)


def check_held(cluster: Cluster, row: LoadBalanced) -> None:
    """Check that a Service may have what it shows, and that others that show it share it."""
    addresses, shown = cluster.addresses, cluster.shown
    for address in shown[row.name]:
        assert row.is_ours
        assert not row.requested or address in row.requested
        assert any(pool.holds(address) for pool in addresses._pools.values())
        others = (one for one in cluster.known.values() if address in shown[one.name])
        assert all(row.can_share(other) for other in others if other is not row)


def check_lacking(cluster: Cluster, row: LoadBalanced) -> None:
    """Check that a Service lacks nothing that there is."""
    if not row.is_ours:
        return
    addresses, shown = cluster.addresses, cluster.shown[row.name]
    pools = addresses._pools.values()
    for address in row.requested:
        fits = ("IPv6" if ":" in address else "IPv4") in row.families
        if address not in shown and fits and any(pool.holds(address) for pool in pools):
            assert not addresses._holders.can_hold(row, address)
    usable = [pool for pool in pools if not pool.declared.disabled]
    for family in row.families if not row.requested else ():
        if not any((":" in one) == (family == "IPv6") for one in shown):
            assert addresses._holders.free(usable, family) is None
            assert not [
                one
                for one in addresses._holders.shareable(row, family)
                if any(pool.holds(one) for pool in usable)
            ]
