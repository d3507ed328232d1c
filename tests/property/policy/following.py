"""A story as an engine hears it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.property.policy.adapter import Follower
from tests.property.policy.clusters import Story, key_of
from tests.property.policy.naive import Doc


def told(follower: Follower, story: Story) -> Iterator[list[Doc]]:
    """Yield the cluster after each tick of a story that the engine follows."""
    now = {key_of(document): document for document in story.cluster}
    for document in story.cluster:
        follower.take(None, document)
    for events in [(), *story.ticks]:
        for event in events:
            follower.take(*event.apply(now))
        follower.tick()
        yield list(now.values())
