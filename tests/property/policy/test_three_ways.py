"""Three ways to one answer: naive, the engine from scratch, and the engine as it follows."""

from __future__ import annotations

from hypothesis import given, settings

from tests.property.policy.adapter import Follower, Matrix, from_scratch, table_of
from tests.property.policy.clusters import (
    PORTS,
    Change,
    Key,
    clusters,
    ends_of,
    stories,
)
from tests.property.policy.naive import Cluster, Doc


def naive_table(documents: dict[Key, Doc], ends: list[str]) -> Matrix:
    cluster = Cluster(documents.values())
    return {
        source: {
            destination: {
                f"{port}/{of}": cluster.outcome(source, destination, port, of) for port, of in PORTS
            }
            for destination in ends
        }
        for source in ends
    }


@settings(max_examples=300, deadline=None)
@given(clusters, stories)
def test_naive_and_engine_agree_after_every_change(
    documents: dict[Key, Doc], story: list[list[Change]]
) -> None:
    documents = dict(documents)
    follower = Follower()
    for document in documents.values():
        follower.take(None, document)
    for events in [[], *story]:
        for event in events:
            follower.take(*event.apply(documents))
        follower.tick()
        ends = ends_of(documents)
        expected = naive_table(documents, ends)
        assert table_of(from_scratch(documents.values()), ends, PORTS) == expected
        assert table_of(follower.engine, ends, PORTS) == expected
