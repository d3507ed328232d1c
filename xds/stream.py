"""What one delta stream has asked for, holds, and must be sent next: no I/O, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from xds import codec
from xds.resource import LISTENER, ORDER, ROUTES
from xds.snapshot import SnapshotCache

BATCH = 1000
"""Most resources in one response, so that a large first sync does not come as one message."""
REFERRERS = (LISTENER, ROUTES)
"""Types whose changes wait for what they may refer to. Only changes: Envoy acknowledges clusters
after it has their endpoints, so an answer to a new name may never wait for an acknowledgement."""
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"


@dataclass(slots=True)
class Sent:
    """A response that is not acknowledged yet."""

    nonce: str
    versions: dict[str, str]
    removed: tuple[str, ...]


@dataclass(slots=True)
class Subscription:
    """The state of one resource type on a stream."""

    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    """Versions the client holds or was sent."""
    dirty: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    """Names asked for: answered even if there is no such resource."""
    suspects: list[tuple[str, ...]] = field(default_factory=list)
    """Parts of a refused response, to be sent again each on its own."""
    refused: dict[str, str] = field(default_factory=dict)
    pending: Sent | None = None

    def wants(self, name: str) -> bool:
        """Tell whether a resource is subscribed to."""
        return self.wildcard or name in self.names


def _order(types: Iterable[str]) -> list[str]:
    rank = {type_url: index for index, type_url in enumerate(ORDER)}
    return sorted(types, key=lambda type_url: (rank.get(type_url, len(ORDER)), type_url))


class DeltaStream:
    """One aggregated delta stream.

    Per type one response is under way at a time, so that an ACK or NACK names it by its nonce.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self.cache = cache
        self.wake = asyncio.Event()
        self.responses = 0
        self._types: dict[str, Subscription] = {}

    def changed(self, type_url: str, names: Iterable[str]) -> None:
        """Take note of changed resources, if they are subscribed to."""
        known = self._types.get(type_url)
        if known is None:
            return
        wanted = [name for name in names if known.wants(name)]
        if wanted:
            known.dirty.update(wanted)
            self.wake.set()

    def removals_allowed(self) -> None:
        """Withdraw from now on what the client holds and the cache does not."""
        for known in self._types.values():
            known.dirty |= known.held.keys() | known.unanswered
        self.wake.set()

    def receive(self, body: bytes) -> None:
        """Take a request: a subscription, an ACK or a NACK.

        Raises: XdsError: it cannot be decoded.
        """
        request: Any = codec.decode("envoy.service.discovery.v3.DeltaDiscoveryRequest", body)
        type_url = request.type_url
        known = self._types.get(type_url)
        if known is None:
            known = self._types[type_url] = self._open(request)
        self._subscribe(known, request)
        if request.response_nonce:
            self._settle(type_url, known, request)
        self.wake.set()

    def _open(self, request: Any) -> Subscription:
        known = Subscription(wildcard=not request.resource_names_subscribe)
        known.held.update(request.initial_resource_versions)
        self.cache.resume(request.type_url, known.held)
        known.dirty.update(known.held)
        if known.wildcard:
            known.dirty.update(self.cache.of_type(request.type_url))
        return known

    def _subscribe(self, known: Subscription, request: Any) -> None:
        for name in request.resource_names_unsubscribe:
            if name == "*":
                known.wildcard = False
            known.names.discard(name)
            known.unanswered.discard(name)
            if not known.wildcard:
                known.held.pop(name, None)
        for name in request.resource_names_subscribe:
            if name == "*":
                known.wildcard = True
                known.dirty.update(self.cache.of_type(request.type_url))
                continue
            known.names.add(name)
            if name not in request.initial_resource_versions:
                # A client that asks again has lost it: answer whatever we sent before.
                known.held.pop(name, None)
                known.unanswered.add(name)
            known.dirty.add(name)

    def _settle(self, type_url: str, known: Subscription, request: Any) -> None:
        sent = known.pending
        if sent is None or sent.nonce != request.response_nonce:
            return
        known.pending = None
        if not request.HasField("error_detail"):
            self.cache.acknowledge(type_url, sent.versions)
            self.cache.withdrawn(type_url, sent.removed)
            return
        for name, version in sent.versions.items():
            if known.held.get(name) == version:
                del known.held[name]
        names = tuple(sorted(sent.versions))
        if len(names) == 1:
            known.refused[names[0]] = sent.versions[names[0]]
            message = request.error_detail.message
            self.cache.refuse(type_url, names[0], sent.versions[names[0]], message)
        elif names:
            middle = len(names) // 2
            known.suspects += [names[:middle], names[middle:]]

    def next_response(self) -> bytes | None:
        """Return the next response that may go now, or None until something changes.

        Resources go in the order of ``ORDER``; changed listeners and routes only when all
        before them is acknowledged; removals when everything is, in reverse.
        """
        order = _order(self._types)
        waiting = False
        for type_url in order:
            known = self._types[type_url]
            if known.pending is not None:
                waiting = True
                continue
            versions = self._next_put(type_url, known)
            if waiting and type_url in REFERRERS:
                versions = {name: versions[name] for name in versions if name in known.unanswered}
            missing = self._unanswerable(type_url, known)
            if versions or missing:
                return self._respond(type_url, known, versions, missing)
        if waiting:
            return None
        for type_url in reversed(order):
            known = self._types[type_url]
            removed = self._next_removed(type_url, known)
            if removed:
                return self._respond(type_url, known, {}, removed)
        return None

    def _next_put(self, type_url: str, known: Subscription) -> dict[str, str]:
        while known.suspects:
            names = known.suspects.pop()
            known.dirty.update(names)  # what is sent or not needed any more leaves it again
            if versions := self._needed(type_url, known, names):
                return versions
        if not known.dirty:
            return {}
        versions = self._needed(type_url, known, sorted(known.dirty))
        present = self.cache.of_type(type_url)
        known.dirty = {
            name
            for name in known.dirty
            if (name in present and name in versions)
            or (name not in present and (name in known.held or name in known.unanswered))
        }
        return dict(list(versions.items())[:BATCH])

    def _needed(self, type_url: str, known: Subscription, names: Iterable[str]) -> dict[str, str]:
        present = self.cache.of_type(type_url)
        suspected = {name for part in known.suspects for name in part}
        return {
            name: present[name].version
            for name in names
            if name in present
            and known.wants(name)
            and name not in suspected
            and present[name].version not in (known.held.get(name), known.refused.get(name))
        }

    def _unanswerable(self, type_url: str, known: Subscription) -> tuple[str, ...]:
        if not known.unanswered or not self.cache.is_ready:
            return ()
        return tuple(sorted(known.unanswered - self.cache.of_type(type_url).keys()))

    def _next_removed(self, type_url: str, known: Subscription) -> tuple[str, ...]:
        if not self.cache.is_ready or not known.dirty:
            return ()
        gone = known.dirty - self.cache.of_type(type_url).keys()
        return tuple(sorted(name for name in gone if name in known.held))

    def _respond(
        self,
        type_url: str,
        known: Subscription,
        versions: dict[str, str],
        removed: tuple[str, ...],
    ) -> bytes:
        self.responses += 1
        nonce = str(self.responses)
        known.pending = Sent(nonce, versions, removed)
        known.held.update(versions)
        for name in removed:
            known.held.pop(name, None)
        done = {*versions, *removed}
        known.dirty -= done
        known.unanswered -= done
        present = self.cache.of_type(type_url)
        wrap = codec.message("google.protobuf.Any").FromString
        resources = [
            {"name": name, "version": version, "resource": wrap(present[name].body)}
            for name, version in versions.items()
        ]
        fields = {
            "type_url": type_url,
            "nonce": nonce,
            "resources": resources,
            "removed_resources": removed,
        }
        return codec.encode(_RESPONSE, fields)
