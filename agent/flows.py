"""The observer's ring of flows: verdicts of the kernel and HTTP requests of Envoy, with names."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

CAPACITY = 4095
"""Flows kept in memory, as the reference keeps."""
BACKLOG = 1000
"""Flows a slow follower may lag behind before it loses the oldest."""


@dataclass(frozen=True, slots=True)
class HttpPart:
    """The HTTP part of a flow."""

    method: str
    path: str
    host: str
    status: int


@dataclass(frozen=True, slots=True)
class Flow:
    """One observed connection or request. Ends are ``namespace/pod`` where known."""

    time: float
    """Seconds since the epoch."""
    type: Literal["l3_l4", "http"]
    verdict: str
    reason: str
    source: str
    source_port: int
    source_identity: int
    destination: str
    destination_port: int
    destination_identity: int
    protocol: str
    direction: str
    http: HttpPart | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the flow as plain values."""
        return asdict(self)


class FlowRing:
    """The last flows, and those who follow."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._flows: deque[Flow] = deque(maxlen=capacity)
        self._followers: set[asyncio.Queue[Flow]] = set()
        self.seen = 0

    def add(self, flow: Flow) -> None:
        """Keep a flow and hand it to every follower; a full one loses its oldest."""
        self.seen += 1
        self._flows.append(flow)
        for queue in self._followers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(flow)

    def last(self, number: int) -> list[Flow]:
        """Return the newest flows, oldest first."""
        return list(self._flows)[-number:] if number > 0 else []

    async def follow(self, number: int) -> AsyncIterator[Flow]:
        """Yield the newest flows, then each as it comes."""
        queue: asyncio.Queue[Flow] = asyncio.Queue(BACKLOG)
        self._followers.add(queue)
        try:
            for flow in self.last(number):
                yield flow
            while True:
                yield await queue.get()
        finally:
            self._followers.discard(queue)
