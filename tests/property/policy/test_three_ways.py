"""Three ways to one answer: naive, the engine from scratch, and the engine as it follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings

from tests.property.policy.adapter import Follower, Matrix, from_scratch, table_of
from tests.property.policy.clusters import PORTS, Change, Key, clusters, ends_of, stories
from tests.property.policy.naive import Cluster, Doc


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


def told(
    follower: Follower, documents: dict[Key, Doc], story: list[list[Change]]
) -> Iterator[dict[Key, Doc]]:
    """Yield the cluster after each tick of a story that the engine follows."""
    now = dict(documents)
    for document in now.values():
        follower.take(None, document)
    for events in [[], *story]:
        for event in events:
            follower.take(*event.apply(now))
        follower.tick()
        yield now


@settings(max_examples=350, deadline=None)
@given(clusters, stories)
def test_naive_and_both_engines_agree_after_every_change(
    documents: dict[Key, Doc], story: list[list[Change]]
) -> None:
    follower = Follower()
    for now in told(follower, documents, story):
        ends = ends_of(now)
        expected = naive_table(Cluster(now.values()), ends)
        assert table_of(from_scratch(now.values()), ends, PORTS) == expected
        assert table_of(follower.engine, ends, PORTS) == expected


@pytest.mark.parametrize(
    "is_local", [lambda name: name.endswith("0"), lambda name: name.startswith("b/")]
)
@settings(max_examples=70, deadline=None)
@given(clusters, stories)
def test_a_node_enforces_what_concerns_its_own_pods_and_no_more(
    is_local: Callable[[str], bool], documents: dict[Key, Doc], story: list[list[Change]]
) -> None:
    follower = Follower(is_local)
    for now in told(follower, documents, story):
        ends = ends_of(now)
        assert table_of(follower.engine, ends, PORTS) == naive_table(
            Cluster(now.values(), is_local), ends
        )
        enforced = set(follower.engine.endpoint_policies)
        assert enforced == {end for end in ends if "/" in end and is_local(end)}
