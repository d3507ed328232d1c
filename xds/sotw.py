"""The state-of-the-world variant: all listeners and clusters each time, of the rest what changed.

Source: the xDS protocol, https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xds import codec
from xds.codec import wire
from xds.requests import MAX_NAMES, check_names
from xds.resource import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    ROUTES,
    SCOPED_ROUTES,
    Resource,
    resource,
)
from xds.snapshot import SnapshotCache
from xds.stream import ALL, Stream
from xds.subscription import Sent, Subscription, digest_of

FULL_STATE = (CLUSTER, LISTENER, SCOPED_ROUTES)
"""Types of which a response holds everything: what it leaves out, the client removes."""
_REQUEST = "envoy.service.discovery.v3.DiscoveryRequest"
_VERSION = 1
"""Number of that field of ``DiscoveryResponse``."""
_NAMED_BY = {ENDPOINTS: "cluster_name", ROUTES: "name"}
"""Types of which an empty resource says that there is none: a client that hears nothing of a name
would wait for it, and keep what it has. By the field that holds the name."""


class SotwStream(Stream):
    """One state-of-the-world stream. Its versions are digests of all that the client holds."""

    def __init__(self, cache: SnapshotCache, served: str = "") -> None:
        super().__init__(cache, served)
        self._good: dict[str, dict[str, Resource]] = {}
        """Of each full-state type what the client accepted last, to be repeated beside what it
        refuses."""

    def receive(self, body: bytes) -> None:
        """Take a request: a subscription, an ACK or a NACK.

        Raises: XdsError: it cannot be decoded; BadRequest: it is beyond a limit.
        """
        request: Any = codec.decode(_REQUEST, body)
        known, is_new = self._known(request)
        names = set(request.resource_names)
        check_names(names, 0)
        if is_new:
            self._begin(known, request, names)
        elif known.pending is None or request.response_nonce == known.pending.nonce:
            # With another nonce it was sent before our last response arrived: a later one comes.
            self._resubscribe(known, request.type_url, names)
            self._settle(request.type_url, known, request)
        self.wake.set()

    def _begin(self, known: Subscription, request: Any, names: set[str]) -> None:
        type_url = request.type_url
        if ALL in names or (not names and type_url in FULL_STATE):
            self._subscribe_all(type_url, known)
        self._resubscribe(known, type_url, names)
        if request.version_info and request.version_info == self._version(type_url, known):
            present = self.cache.of_type(type_url)
            known.dirty.clear()
            known.unanswered.clear()
            known.greeting_due = False
            for name in self._wanted(type_url, known):
                known.hold(name, present[name].version)
            self.cache.resume(type_url, known.held)
            self._accepted(type_url, known.held)

    def _resubscribe(self, known: Subscription, type_url: str, names: set[str]) -> None:
        """Take the names of a request as all that the client wants."""
        names = names - {ALL}
        self._unsubscribe(type_url, known, known.names - names)
        new = sorted(names - known.names)
        known.unanswered.update(new)
        self._subscribe(type_url, known, new)

    def _wanted(self, type_url: str, known: Subscription) -> Iterable[str]:
        present = self.cache.of_type(type_url)
        return present if known.wildcard else [name for name in known.names if name in present]

    def _version(self, type_url: str, known: Subscription) -> str:
        present = self.cache.of_type(type_url)
        digest = 0
        for name in self._wanted(type_url, known):
            digest ^= digest_of(name, present[name].version)
        return f"{digest:016x}"

    def _accepted(self, type_url: str, versions: Mapping[str, str]) -> None:
        super()._accepted(type_url, versions)
        if type_url not in FULL_STATE:
            return
        present = self.cache.of_type(type_url)
        good = self._good.setdefault(type_url, {})
        for name, version in versions.items():
            item = present.get(name)
            if item is not None and item.version == version:
                good[name] = item

    def _batch(self, type_url: str) -> int:
        return MAX_NAMES if type_url in FULL_STATE else super()._batch(type_url)

    def _may_begin(self, type_url: str) -> bool:
        # A part of the clusters would have the client remove the others.
        return type_url not in FULL_STATE or self.cache.is_complete

    def _content(
        self, type_url: str, known: Subscription
    ) -> tuple[Sequence[bytes], Sequence[bytes]]:
        assert known.pending is not None
        sent = known.pending
        frames = [item.frame for item in self._shown(type_url, known, sent)]
        frames += [_nothing(type_url, name) for name in sent.removed if type_url in _NAMED_BY]
        return frames, [wire.text(_VERSION, f"{known.digest:016x}")]

    def _withdraw(
        self, type_url: str, known: Subscription, removed: tuple[str, ...]
    ) -> bytes | None:
        if type_url in FULL_STATE or type_url in _NAMED_BY:
            return self._respond(type_url, known, {}, removed)
        for name in removed:  # this variant has no words for it
            known.release(name)
        return None

    def _shown(self, type_url: str, known: Subscription, sent: Sent) -> list[Resource]:
        present = self.cache.of_type(type_url)
        if type_url not in FULL_STATE:
            return [present[name] for name in sent.versions]
        good = self._good.setdefault(type_url, {})
        for name in sent.removed:
            good.pop(name, None)
        shown = []
        for name in sorted({*self._wanted(type_url, known), *good}):
            item = present.get(name)
            if item is not None and known.held.get(name) == item.version:
                shown.append(item)
            elif name in good:
                shown.append(good[name])
                known.hold(name, good[name].version)
        return shown


def _nothing(type_url: str, name: str) -> bytes:
    return resource(type_url, name, {_NAMED_BY[type_url]: name}).frame
