"""Three ways to one answer: naive, the engine from scratch, and the engine as it follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.policy.adapter import Follower, Matrix, from_scratch, table_of
from tests.property.policy.clusters import Story, clusters, ends_of, stories
from tests.property.policy.following import told
from tests.property.policy.naive import Cluster, Doc
from tests.property.policy.policies import THEMES
from tests.property.policy.vocabulary import PORTS


def naive_table(cluster: Cluster, ends: list[str]) -> Matrix:
    return {
        source: {
            destination: {
                f"{port}/{of}": cluster.outcome(source, destination, port, of) for port, of in PORTS
            }
            for destination in ends
        }
        for source in ends
    }


@pytest.mark.parametrize("theme", sorted(THEMES))
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_naive_and_both_engines_agree_after_every_change(theme: str, data: st.DataObject) -> None:
    follower = Follower()
    for now in told(follower, data.draw(stories(theme))):
        ends = ends_of(now)
        expected = naive_table(Cluster(now), ends)
        assert table_of(from_scratch(now), ends, PORTS) == expected
        assert table_of(follower.engine, ends, PORTS) == expected


@settings(max_examples=200, deadline=None)
@given(clusters("names of ports"))
def test_naive_and_engine_agree_on_names_of_ports(cluster: tuple[Doc, ...]) -> None:
    ends = ends_of(cluster)
    assert table_of(from_scratch(cluster), ends, PORTS) == naive_table(Cluster(cluster), ends)


@pytest.mark.parametrize(
    "is_local", [lambda name: name.endswith("0"), lambda name: name.startswith("b/")]
)
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(THEMES)).flatmap(stories))
def test_a_node_enforces_what_concerns_its_own_pods_and_no_more(
    is_local: Callable[[str], bool], story: Story
) -> None:
    follower = Follower(is_local)
    for now in told(follower, story):
        ends = ends_of(now)
        expected = naive_table(Cluster(now, is_local), ends)
        assert table_of(follower.engine, ends, PORTS) == expected
        enforced = set(follower.engine.endpoint_policies)
        assert enforced == {end for end in ends if "/" in end and is_local(end)}
