"""What the kernel would be told does not depend on how the engine came to it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.policy.engine import PolicyEngine
from tests.property.policy.adapter import Follower, decided, edges, from_scratch, identities
from tests.property.policy.clusters import Story, clusters, stories
from tests.property.policy.following import told
from tests.property.policy.naive import Doc
from tests.property.policy.policies import THEMES

themes = st.sampled_from(sorted(THEMES))


def assert_same(one: PolicyEngine, other: PolicyEngine) -> None:
    """Compare every endpoint's decisions for every identity, at every port that matters."""
    known, same = identities(one), identities(other)
    # One that followed may hold blocks that nothing names now; see ``test_departures.py``.
    assert known.keys() >= same.keys()
    assert set(one.endpoint_policies) == set(other.endpoint_policies)
    shared = known.keys() & same.keys()
    for name, policy in one.endpoint_policies.items():
        mirror = other.endpoint_policies.get(name)
        assert mirror is not None
        ports = sorted(edges(policy) | edges(mirror))
        for who in shared:
            assert decided(one, policy, known[who], ports) == decided(
                other, mirror, same[who], ports
            ), (name, who)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(THEMES)).flatmap(stories))
def test_an_engine_that_followed_decides_as_one_that_starts_now(story: Story) -> None:
    follower = Follower()
    *_, now = told(follower, story)
    assert_same(follower.engine, from_scratch(now))


@settings(max_examples=40, deadline=None)
@given(themes.flatmap(clusters), st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_matter(
    documents: tuple[Doc, ...], chance: random.Random
) -> None:
    shuffled = list(documents)
    chance.shuffle(shuffled)
    assert_same(from_scratch(documents), from_scratch(shuffled))


@settings(max_examples=60, deadline=None)
@given(themes.flatmap(clusters), st.randoms(use_true_random=False))
def test_the_names_of_policies_do_not_matter(
    documents: tuple[Doc, ...], chance: random.Random
) -> None:
    # The engine sorts policies, so that only other names put them in another order.
    names = [f"r{number}" for number in range(len(documents))]
    chance.shuffle(names)
    renamed = [
        {**document, "metadata": {**document["metadata"], "name": name}}
        if document["kind"].endswith("NetworkPolicy")
        else document
        for document, name in zip(documents, names, strict=True)
    ]
    assert_same(from_scratch(documents), from_scratch(renamed))
