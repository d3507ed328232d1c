"""An encoded Envoy resource and the types of resources, in the order they are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lockgate.model.meta import ObjectRef
from xds import codec

CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105  # a type's name
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

ORDER: Final = (CLUSTER, ENDPOINTS, SECRET, LISTENER, ROUTES)
"""Make before break: what is referred to goes before what refers to it, removals in reverse."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as it goes over the wire."""

    type_url: str
    name: str
    version: str
    """A hash of ``body``: equal content is never sent twice."""
    body: bytes = field(repr=False)
    """An encoded ``google.protobuf.Any``."""
    origin: tuple[ObjectRef, ...] = field(default=(), compare=False)
    """Declared objects it was made from, to be told when Envoy refuses it."""


def resource(
    type_url: str, name: str, fields: Mapping[str, Any], origin: tuple[ObjectRef, ...] = ()
) -> Resource:
    """Encode a resource; its version is a hash of its content."""
    body = codec.encode(
        "google.protobuf.Any", codec.any_of(type_url.removeprefix(codec.TYPE_PREFIX), fields)
    )
    return Resource(type_url, name, hashlib.sha256(body).hexdigest()[:16], body, origin)
