"""The incremental variant: only what changed, and what is gone.

Source: the xDS protocol, https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xds import codec
from xds.codec import wire
from xds.requests import check_names
from xds.stream import Stream
from xds.subscription import Subscription

_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_TYPE_URL, _NONCE, _REMOVED = 4, 5, 6
"""Numbers of fields of ``DeltaDiscoveryResponse``."""
_ALL = "*"


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
        names = [name for name in request.resource_names_subscribe if name != _ALL]
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
        if _ALL in names:
            known.wildcard = known.greeting_due = False
            self.cache.unsubscribe_all(self, type_url)
        self._unsubscribe(type_url, known, names)

    def _respond(
        self,
        type_url: str,
        known: Subscription,
        versions: Mapping[str, str],
        removed: tuple[str, ...],
    ) -> bytes:
        nonce = self._nonce()
        known.sent(nonce, versions, removed)
        self.last_sent = len(versions)
        present = self.cache.of_type(type_url)
        parts = [present[name].delta_frame for name in versions]
        parts += [wire.text(_TYPE_URL, type_url), wire.text(_NONCE, nonce)]
        parts += [wire.delimited(_REMOVED, name.encode()) for name in removed]
        return b"".join(parts)
