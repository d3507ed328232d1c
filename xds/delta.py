"""The incremental variant: only what changed, and what is gone.

Source: the xDS protocol, https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xds import codec
from xds.codec import wire
from xds.requests import check_names
from xds.stream import ALL, Stream
from xds.subscription import Subscription

_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_REMOVED = 6
"""Number of that field of ``DeltaDiscoveryResponse``."""


class DeltaStream(Stream):
    """One delta stream."""

    def receive(self, body: bytes) -> None:
        """Take a request: a subscription, an ACK or a NACK.

        Raises: XdsError: it cannot be decoded; BadRequest: it is beyond a limit.
        """
        request: Any = codec.decode(_REQUEST, body)
        known, is_new = self._known(request)
        subscribed = request.resource_names_subscribe
        check_names(subscribed, len(known.names))
        if is_new:
            self._resume(known, request)
        self._unsubscribe_named(request.type_url, known, request.resource_names_unsubscribe)
        self._subscribe_named(known, request)
        if request.response_nonce:
            self._settle(request.type_url, known, request)
        self.wake.set()

    def _resume(self, known: Subscription, request: Any) -> None:
        versions = request.initial_resource_versions
        check_names(versions, 0)
        for name, version in versions.items():
            known.hold(name, version)
        self.cache.resume(request.type_url, known.held)
        known.mark(known.held)
        if not request.resource_names_subscribe:
            self._subscribe_all(request.type_url, known)
        # A client that holds something has been greeted before.
        known.greeting_due = known.greeting_due and not known.held

    def _subscribe_named(self, known: Subscription, request: Any) -> None:
        resumed = request.initial_resource_versions
        names = [name for name in request.resource_names_subscribe if name != ALL]
        if len(names) < len(request.resource_names_subscribe):
            self._subscribe_all(request.type_url, known)
        for name in names:
            if name not in resumed:
                # A client that asks again has lost it: answer whatever we sent before.
                known.release(name)
                known.refused.pop(name, None)
                known.unanswered.add(name)
        self._subscribe(request.type_url, known, names)

    def _unsubscribe_named(self, type_url: str, known: Subscription, names: Any) -> None:
        if ALL in names:
            known.wildcard = known.greeting_due = False
            self.cache.unsubscribe_all(self, type_url)
        self._unsubscribe(type_url, known, names)

    def _content(
        self, type_url: str, known: Subscription
    ) -> tuple[Sequence[bytes], Sequence[bytes]]:
        assert known.pending is not None
        present = self.cache.of_type(type_url)
        frames = [present[name].delta_frame for name in known.pending.versions]
        return frames, [wire.delimited(_REMOVED, name.encode()) for name in known.pending.removed]
