"""What a client may send: the limits, and the answer to what is beyond them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from lockgate.errors import XdsError

MAX_REQUEST_BYTES = 32 << 20
"""Enough to name 200,000 resources with their versions at a reconnect."""
MAX_NAMES = 200_000
"""Names one stream may subscribe to, per type."""
MAX_NAME_BYTES = 2048
MAX_TYPES = 32
"""Types on one stream: Envoy knows about a dozen."""
MAX_NODE_ID_BYTES = 256

Code = Literal["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"]


class BadRequest(XdsError):
    """A request that ends its own stream and no other, with the gRPC status of ``code``."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code


def check_type(type_url: str, served: str, known: Collection[str]) -> None:
    """Refuse a type that this stream does not serve.

    Args:
        type_url: of the request.
        served: the one type of a stream that is not aggregated, else empty.
        known: types that were asked for before.

    Raises: BadRequest: with the reason.
    """
    if not type_url or len(type_url) > MAX_NAME_BYTES:
        raise BadRequest("INVALID_ARGUMENT", "type_url must name a resource type")
    if served and type_url != served:
        raise BadRequest("INVALID_ARGUMENT", f"this service serves {served} only")
    if type_url not in known and len(known) >= MAX_TYPES:
        raise BadRequest("RESOURCE_EXHAUSTED", f"a stream may ask for {MAX_TYPES} types at most")


def check_names(names: Iterable[str], held: int) -> None:
    """Refuse subscriptions beyond the limits; ``held`` is the number of names there are already.

    Raises: BadRequest: with the reason.
    """
    count = held
    for name in names:
        count += 1
        if len(name) > MAX_NAME_BYTES:
            raise BadRequest(
                "INVALID_ARGUMENT", f"a resource name is longer than {MAX_NAME_BYTES} bytes"
            )
    if count > MAX_NAMES:
        raise BadRequest(
            "RESOURCE_EXHAUSTED", f"a stream may subscribe to {MAX_NAMES} names of a type at most"
        )


def check_node(node_id: str) -> None:
    """Refuse an id that could not be one.

    Raises: BadRequest: with the reason.
    """
    if len(node_id) > MAX_NODE_ID_BYTES or not node_id.isprintable():
        raise BadRequest(
            "INVALID_ARGUMENT", f"node.id must be printable, of {MAX_NODE_ID_BYTES} bytes at most"
        )
