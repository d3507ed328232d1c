"""An encoded Envoy resource and the types of resources, in the order they are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lockgate.model.meta import ObjectRef
from xds import codec
from xds.codec import wire
from xds.codec.validate import violations

CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105  # a type's name
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
SCOPED_ROUTES: Final = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
ROUTES: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
VIRTUAL_HOST: Final = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
EXTENSION: Final = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
RUNTIME: Final = "type.googleapis.com/envoy.service.runtime.v3.Runtime"

ORDER: Final = (
    CLUSTER,
    ENDPOINTS,
    SECRET,
    LISTENER,
    SCOPED_ROUTES,
    ROUTES,
    VIRTUAL_HOST,
    EXTENSION,
    RUNTIME,
)
"""Make before break: what is referred to goes before what refers to it, removals in reverse."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, encoded once for every stream and both variants of the protocol."""

    type_url: str
    name: str
    version: str
    """A hash of the content: equal content is never sent twice."""
    delta_frame: bytes = field(repr=False)
    """A ``resources`` field of a ``DeltaDiscoveryResponse``, with the content as its end."""
    frame_start: int = field(repr=False)
    """Where in ``delta_frame`` the ``resources`` field of a ``DiscoveryResponse`` begins: there
    and in the delta frame's ``Resource`` message the content is a field of the same number."""
    size: int
    """Bytes of the content."""
    origin: tuple[ObjectRef, ...] = field(default=(), compare=False)
    """Declared objects it was made from, to be told when Envoy refuses it."""
    violations: tuple[str, ...] = field(default=(), compare=False)
    """Rules of Envoy that the content breaks: such a resource is not published."""

    @property
    def body(self) -> bytes:
        """The content: an encoded ``google.protobuf.Any``."""
        return self.delta_frame[len(self.delta_frame) - self.size :]

    @property
    def frame(self) -> bytes:
        """A ``resources`` field of a ``DiscoveryResponse``."""
        return self.delta_frame[self.frame_start :]


_RESOURCES = 2
"""Number of the field ``resources`` in both responses, and of ``resource`` in ``Resource``."""
_NAME, _VERSION = 3, 1
"""Numbers of fields of ``envoy.service.discovery.v3.Resource``."""
_TYPE_URL, _VALUE = 1, 2
"""Numbers of the fields of ``google.protobuf.Any``."""


def framed(
    type_url: str, name: str, version: str, body: bytes, origin: tuple[ObjectRef, ...] = ()
) -> Resource:
    """Return a resource whose content, an encoded ``Any``, and version are known."""
    content = wire.delimited(_RESOURCES, body)
    head = wire.text(_NAME, name) + wire.text(_VERSION, version)
    frame = wire.delimited(_RESOURCES, head + content)
    return Resource(type_url, name, version, frame, len(frame) - len(content), len(body), origin)


def encoded(type_url: str, name: str, value: bytes, origin: tuple[ObjectRef, ...] = ()) -> Resource:
    """Return a resource from its encoded message; the version is a hash of its content."""
    body = wire.text(_TYPE_URL, type_url) + wire.delimited(_VALUE, value)
    return framed(type_url, name, hashlib.sha256(body).hexdigest()[:16], body, origin)


def resource(
    type_url: str, name: str, fields: Mapping[str, Any], origin: tuple[ObjectRef, ...] = ()
) -> Resource:
    """Encode a resource and hold it against Envoy's rules.

    Raises: XdsError: a field or value that the type does not take.
    """
    message = codec.build(type_url.removeprefix(codec.TYPE_PREFIX), fields)
    made = encoded(type_url, name, message.SerializeToString(deterministic=True), origin)
    broken = violations(message)
    return replace(made, violations=broken) if broken else made
