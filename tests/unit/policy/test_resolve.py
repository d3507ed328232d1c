"""What policies come to: against an evaluator that knows nothing of prefixes or identities' maps."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lockgate.ir.node import EndpointPolicy
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import L7, HttpRule, Peers, Policy, PolicyRule, PortRange
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.policy.clauses import range_blocks
from lockgate.policy.resolve import Entries, verdict
from lockgate.policy.selections import Peer

IDENTITIES = {300: "a", 301: "b", 302: "c"}
PORTS = (79, 80, 81, 443)


def selector(app: str) -> LabelSelector:
    return LabelSelector((Requirement("app", "In", (app,)),))


def select(peers: Peers) -> frozenset[int]:
    wanted = {value for entry in peers.selectors for value in entry.requirements[0].values}
    return frozenset(number for number, app in IDENTITIES.items() if app in wanted)


peers = st.none() | st.sets(st.sampled_from("abc")).map(
    lambda apps: Peers(tuple(selector(app) for app in sorted(apps)))
)
ports = st.sampled_from(
    [(), (PortRange(80, "TCP"),), (PortRange(79, "ANY", 81),), (PortRange(0, "UDP"),)]
)


@st.composite
def rules(draw: st.DrawFn) -> PolicyRule:
    where = draw(ports)
    deny = draw(st.integers(0, 3)) == 0
    may_have_http = not deny and where == (PortRange(80, "TCP"),)
    http = (HttpRule(method=draw(st.sampled_from(["GET", "PUT"]))),)
    with_http = may_have_http and draw(st.booleans())
    action = "deny" if deny else "allow"
    direction = draw(st.sampled_from(["ingress", "egress"]))
    return PolicyRule(
        direction,  # type: ignore[arg-type]  # one of two words
        action,  # type: ignore[arg-type]  # as above
        draw(peers),
        where,
        L7("http", http) if with_http else None,
        "",
    )


@st.composite
def policies(draw: st.DrawFn) -> list[Policy]:
    return [
        Policy(
            ObjectRef("LockgateNetworkPolicy", "n", f"p{number}"),
            LabelSelector(),
            draw(st.booleans()),
            draw(st.booleans()),
            tuple(draw(st.lists(rules(), max_size=4))),
        )
        for number in range(draw(st.integers(0, 3)))
    ]


class NoNames:
    def own(self, _name: str) -> None:
        return None

    def of_peers(self, _name: str) -> list[tuple[int, str]]:
        return []


def selected(peer: Peer) -> frozenset[int]:
    if isinstance(peer, LabelSelector):
        return select(Peers((peer,)))
    return frozenset({1}) if peer == "host" else frozenset()


def entries(*versions: list[Policy]) -> EndpointPolicy:
    """Resolve one version of the policies after another."""
    found = Entries("n/x", selected, lambda _holding: frozenset(), lambda *_: None)
    for policies in versions:
        found.set_policies(tuple(policies), NoNames(), "default")
    return found.view(400)


def naive(found: list[Policy], direction: str, identity: int, protocol: str, port: int) -> str:
    """Read the rules one by one, as a person would."""
    matching = [
        rule
        for policy in found
        for rule in policy.rules
        if rule.direction == direction
        and (rule.peers is None or identity in select(rule.peers))
        and (not rule.ports or any(holds(entry, protocol, port) for entry in rule.ports))
    ]
    if any(rule.action == "deny" for rule in matching):
        return "deny"
    if direction == "ingress" and identity == 1:
        return "allow"
    if any(rule.l7 is not None for rule in matching):
        return "redirect"
    if matching:
        return "allow"
    enforced = [p.deny_ingress if direction == "ingress" else p.deny_egress for p in found]
    return "deny" if any(enforced) else "allow"


def holds(entry: PortRange, protocol: str, port: int) -> bool:
    assert isinstance(entry.port, int)
    return entry.protocol in ("ANY", protocol) and (
        entry.port == 0 or entry.port <= port <= (entry.end_port or entry.port)
    )


@given(policies())
def test_the_kernel_decides_as_the_rules_read(found: list[Policy]) -> None:
    policy = entries(found)
    for direction in ("ingress", "egress"):
        for identity in (1, 2, *IDENTITIES):
            for protocol, number in (("TCP", 6), ("UDP", 17)):
                for port in PORTS:
                    got = verdict(policy, direction, identity, number, port)  # type: ignore[arg-type]
                    assert got == naive(found, direction, identity, protocol, port)


@given(policies(), st.randoms())
def test_the_order_of_policies_does_not_matter(found: list[Policy], chance: random.Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert entries(found).entries == entries(shuffled).entries


@given(st.lists(policies(), min_size=2, max_size=4))
def test_what_was_before_leaves_no_trace(versions: list[list[Policy]]) -> None:
    assert entries(*versions).entries == entries(versions[-1]).entries


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_a_range_is_covered_exactly_once(one: int, other: int) -> None:
    first, last = sorted((one, other))
    blocks = range_blocks(first, last)
    covered = [(port, port + (1 << (16 - bits)) - 1) for port, bits in blocks]
    assert covered[0][0] == first
    assert covered[-1][1] == last
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(covered))
    assert len(blocks) <= 30
