"""What one stream has asked for, holds, and must be sent next: no I/O, no clock.

Per type one response is under way at a time, so that an ACK or NACK names it by its nonce, and a
client that does not answer is owed the newest state, never a queue.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xds.codec import wire
from xds.requests import check_node, check_type
from xds.resource import EXTENSION, LISTENER, ORDER, ROUTES, SCOPED_ROUTES, VIRTUAL_HOST
from xds.snapshot import SnapshotCache
from xds.subscription import Subscription

BATCH = 1000
"""Most resources in one response, so that a large first sync does not come as one message."""
REFERRERS = (LISTENER, SCOPED_ROUTES, ROUTES, VIRTUAL_HOST, EXTENSION)
"""Types whose changes wait for what they may refer to. Only changes: Envoy acknowledges clusters
after it has their endpoints, so an answer to a new name may never wait for an acknowledgement."""
ALL = "*"
"""The name that stands for every resource of a type."""
_TYPE_URL, _NONCE = 4, 5
"""Numbers of fields that both variants' responses have in common."""
_RANK = {type_url: index for index, type_url in enumerate(ORDER)}


class Stream(ABC):
    """One stream of either variant of the protocol.

    Args:
        cache: what is served.
        served: the one type of a stream that is not aggregated, else empty.
    """

    def __init__(self, cache: SnapshotCache, served: str = "") -> None:
        self.cache = cache
        self.wake = asyncio.Event()
        self.responses = 0
        self.last_sent = 0
        """Resources in the last response."""
        self._served = served
        self._types: dict[str, Subscription] = {}

    def changed(self, type_url: str, names: Iterable[str]) -> None:
        """Take note of changed resources; the cache tells only of what is subscribed to."""
        self._types[type_url].mark(names)
        self.wake.set()

    def removals_allowed(self) -> None:
        """Withdraw from now on what the client holds and the cache does not."""
        for type_url, known in self._types.items():
            present = self.cache.of_type(type_url)
            known.gone |= known.held.keys() - present.keys()
            known.mark(known.unanswered)
        self.wake.set()

    def close(self) -> None:
        """End all subscriptions."""
        for type_url, known in self._types.items():
            self.cache.unsubscribe(self, type_url, known.names)
        self._types.clear()

    @abstractmethod
    def receive(self, body: bytes) -> None:
        """Take a request: a subscription, an ACK or a NACK.

        Raises: XdsError: it cannot be decoded; BadRequest: it is beyond a limit.
        """

    def _known(self, request: Any) -> tuple[Subscription, bool]:
        """Return the subscription a request is about, and whether it is new."""
        check_type(request.type_url, self._served, self._types)
        if request.HasField("node"):
            check_node(request.node.id)
        known = self._types.get(request.type_url)
        if known is not None:
            return known, False
        known = self._types[request.type_url] = Subscription()
        return known, True

    def _subscribe_all(self, type_url: str, known: Subscription) -> None:
        if not known.wildcard:
            known.wildcard = known.greeting_due = True
            self.cache.subscribe_all(self, type_url)
        known.mark(self.cache.of_type(type_url))

    def _subscribe(self, type_url: str, known: Subscription, names: Iterable[str]) -> None:
        for name in names:
            known.names.add(name)
            known.mark((name,))
            self.cache.subscribe(self, type_url, name)

    def _unsubscribe(self, type_url: str, known: Subscription, names: Iterable[str]) -> None:
        left = [name for name in names if name in known.names]
        for name in left:
            known.names.discard(name)
            known.unanswered.discard(name)
            if not known.wildcard:
                known.release(name)
        self.cache.unsubscribe(self, type_url, left)

    def _settle(self, type_url: str, known: Subscription, request: Any) -> None:
        sent = known.pending
        if sent is None or sent.nonce != request.response_nonce:
            return  # an answer to what is not under way says nothing
        known.pending = None
        if not request.HasField("error_detail"):
            self._accepted(type_url, sent.versions)
            self.cache.withdrawn(type_url, sent.removed)
            return
        name = known.refuse(sent)
        if name is not None:
            self.cache.refuse(type_url, name, sent.versions[name], request.error_detail.message)

    def _accepted(self, type_url: str, versions: Mapping[str, str]) -> None:
        """Take note of what the client acknowledged."""
        self.cache.acknowledge(type_url, versions)

    def next_response(self) -> bytes | None:
        """Return the next response that may go now, or None until something changes.

        Resources go in the order of ``ORDER``; changed listeners and routes only when all
        before them is acknowledged; removals when everything is, in reverse.
        """
        order = sorted(self._types, key=lambda type_url: _RANK.get(type_url, len(ORDER)))
        waiting = False
        for type_url in order:
            known = self._types[type_url]
            if known.pending is not None:
                waiting = True
                continue
            versions, missing = self._next_put(type_url, known, waiting=waiting)
            if versions or missing or (known.may_greet and self.cache.is_ready):
                return self._respond(type_url, known, versions, missing)
        return None if waiting else self._next_removal(reversed(order))

    def _next_put(
        self, type_url: str, known: Subscription, *, waiting: bool
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        if not self._may_begin(type_url):
            return {}, ()
        return known.take(
            self.cache.of_type(type_url),
            self._batch(type_url),
            only_answers=waiting and type_url in REFERRERS,
            absent_is_final=self.cache.is_ready,
        )

    def _next_removal(self, order: Iterable[str]) -> bytes | None:
        if not self.cache.is_ready:
            return None
        for type_url in order:
            known = self._types[type_url]
            if known.gone:
                removed = known.withdrawable(self.cache.of_type(type_url))
                body = self._withdraw(type_url, known, removed) if removed else None
                if body is not None:
                    return body
        return None

    def _batch(self, _type_url: str) -> int:
        return BATCH

    def _may_begin(self, _type_url: str) -> bool:
        return True

    def _respond(
        self,
        type_url: str,
        known: Subscription,
        versions: Mapping[str, str],
        removed: tuple[str, ...],
    ) -> bytes:
        """Return an encoded response and take note of it.

        ``removed`` has names to withdraw, and names asked for that do not exist.
        """
        self.responses += 1
        nonce = str(self.responses)
        known.sent(nonce, versions, removed)
        frames, others = self._content(type_url, known)
        self.last_sent = len(frames)
        ends = (wire.text(_TYPE_URL, type_url), wire.text(_NONCE, nonce))
        return b"".join((*frames, *others, *ends))

    @abstractmethod
    def _content(
        self, type_url: str, known: Subscription
    ) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the resources of the response under way, and the fields of this variant."""

    def _withdraw(
        self, type_url: str, known: Subscription, removed: tuple[str, ...]
    ) -> bytes | None:
        """Return a response that withdraws resources, None if there can be none."""
        return self._respond(type_url, known, {}, removed)
