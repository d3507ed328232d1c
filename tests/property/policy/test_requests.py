"""Single HTTP requests, wherever a proxy judges them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.policy.adapter import Follower, answers, from_scratch
from tests.property.policy.clusters import Change, Key, ends_of, speaking_clusters, stories
from tests.property.policy.naive import Cluster, Doc, Request
from tests.property.policy.test_three_ways import told

SPOKEN = ((80, "TCP"), (8080, "TCP"), (81, "TCP"))
REQUESTS = [
    Request("GET", "/"),
    Request("PUT", "/a", "shop.test:8080"),
    Request("POST", "/a/b", "other.test", (("x-key", "1"),)),
    Request("GET", "/ab", "shop", (("x-key", "2"),)),
    Request("GETS", "/b", "ashop.test"),
]


@settings(max_examples=80, deadline=None)
@given(speaking_clusters, stories, st.data())
def test_naive_and_both_engines_let_the_same_requests_through(
    documents: dict[Key, Doc], story: list[list[Change]], data: st.DataObject
) -> None:
    follower = Follower()
    for now in told(follower, documents, story[:3]):
        cluster, scratch = Cluster(now.values()), from_scratch(now.values())
        ask = data.draw(st.sampled_from(REQUESTS))
        ends = ends_of(now)
        for source in ends:
            for destination in ends:
                for port in SPOKEN:
                    if cluster.outcome(source, destination, *port) != "l7":
                        continue
                    expected = cluster.answers(source, destination, *port, ask)
                    assert answers(scratch, source, destination, port, ask) == expected
                    assert answers(follower.engine, source, destination, port, ask) == expected
