"""Single HTTP requests, wherever a proxy judges them."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.policy.adapter import Follower, answers, from_scratch
from tests.property.policy.clusters import Story, ends_of, stories
from tests.property.policy.following import told
from tests.property.policy.naive import Cluster, Request

SPOKEN = ((80, "TCP"), (8080, "TCP"), (81, "TCP"))
REQUESTS = [
    Request("GET", "/"),
    Request("PUT", "/a", "shop.test:8080"),
    Request("POST", "/a/b", "other.test", (("x-key", "1"),)),
    Request("GET", "/ab", "shop", (("x-key", "2"),)),
    Request("GETS", "/b", "ashop.test"),
]


@settings(max_examples=80, deadline=None)
@given(stories("requests", 3), st.sampled_from(REQUESTS))
def test_naive_and_both_engines_let_the_same_requests_through(story: Story, ask: Request) -> None:
    follower = Follower()
    for now in told(follower, story):
        cluster, scratch, ends = Cluster(now), from_scratch(now), ends_of(now)
        for source, destination, port in product(ends, ends, SPOKEN):
            if cluster.outcome(source, destination, *port) != "l7":
                continue
            expected = cluster.answers(source, destination, *port, ask)
            assert answers(scratch, source, destination, port, ask) == expected
            assert answers(follower.engine, source, destination, port, ask) == expected
