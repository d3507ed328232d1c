"""What the kernel would be told does not depend on how the engine came to it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.policy.engine import PolicyEngine
from tests.property.policy.adapter import Follower, decided, edges, from_scratch, identities
from tests.property.policy.clusters import Change, Key, clusters, speaking_clusters, stories
from tests.property.policy.naive import Doc
from tests.property.policy.test_three_ways import told


def assert_same(one: PolicyEngine, other: PolicyEngine) -> None:
    """Compare every endpoint's decisions for every identity, at every port that matters."""
    known, same = identities(one), identities(other)
    assert known.keys() == same.keys()
    assert set(one.endpoint_policies) == set(other.endpoint_policies)
    for name, policy in one.endpoint_policies.items():
        mirror = other.endpoint_policies.get(name)
        assert mirror is not None
        ports = sorted(edges(policy) | edges(mirror))
        for who, number in known.items():
            assert decided(one, policy, number, ports) == decided(
                other, mirror, same[who], ports
            ), (name, who)


@settings(max_examples=40, deadline=None)
@given(clusters, stories)
def test_an_engine_that_followed_decides_as_one_that_starts_now(
    documents: dict[Key, Doc], story: list[list[Change]]
) -> None:
    follower = Follower()
    now = list(told(follower, documents, story))[-1]
    assert_same(follower.engine, from_scratch(now.values()))


@settings(max_examples=40, deadline=None)
@given(clusters, st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_matter(
    documents: dict[Key, Doc], chance: random.Random
) -> None:
    shuffled = list(documents.values())
    chance.shuffle(shuffled)
    assert_same(from_scratch(documents.values()), from_scratch(shuffled))


@settings(max_examples=60, deadline=None)
@given(clusters | speaking_clusters, st.randoms(use_true_random=False))
def test_the_names_of_policies_do_not_matter(
    documents: dict[Key, Doc], chance: random.Random
) -> None:
    # The engine sorts policies, so that only other names put them in another order.
    names = [f"r{number}" for number in range(len(documents))]
    chance.shuffle(names)
    renamed = [
        {**document, "metadata": {**document["metadata"], "name": name}}
        if document["kind"].endswith("NetworkPolicy")
        else document
        for document, name in zip(documents.values(), names, strict=True)
    ]
    assert_same(from_scratch(documents.values()), from_scratch(renamed))
