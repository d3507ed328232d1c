"""What we published against what Envoy says it holds, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xds import codec
from xds.resource import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    LISTENER,
    ROUTES,
    SCOPED_ROUTES,
    SECRET,
    Resource,
)

REDACTED = "[redacted]"
"""What Envoy shows for the values of secrets; they are taken to be equal."""
_ABSENT = object()
_PLACES: tuple[tuple[str, str, str], ...] = (
    ("dynamic_active_clusters", "cluster", CLUSTER),
    ("dynamic_endpoint_configs", "endpoint_config", ENDPOINTS),
    ("dynamic_active_secrets", "secret", SECRET),
    ("dynamic_route_configs", "route_config", ROUTES),
    ("ecds_filters", "ecds_filter", EXTENSION),
)
"""Where a ``config_dump`` has resources: the list, the field of an entry, the type."""
_ADDED_BY_ENVOY = (ENDPOINTS,)
"""Types that Envoy shows with more fields than it was sent, such as the health of a host."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One field of one resource; empty texts stand for what is not there."""

    type: str
    """Short, as ``Cluster``."""
    name: str
    field: str
    """Such as ``virtual_hosts[2].routes[0].match.prefix``; empty: the whole resource."""
    published: str
    held: str


def differences(published: Iterable[Resource], dump: Mapping[str, Any]) -> list[Difference]:
    """Compare resources with Envoy's ``/config_dump?include_eds``, sorted.

    Resources that Envoy has not asked for, such as the endpoints of a cluster it does not hold,
    show as absent there.
    """
    ours = {(item.type_url, item.name): item for item in published}
    theirs = _held(dump)
    found: list[Difference] = []
    for key in sorted({*ours, *theirs}):
        type_url, name = key
        short = type_url.rpartition(".")[2]
        if key not in theirs:
            found.append(Difference(short, name, "", "published", ""))
        elif key not in ours:
            # Of a cluster without EDS Envoy shows the hosts that it has found by itself.
            if not (type_url == ENDPOINTS and (CLUSTER, name) in ours):
                found.append(Difference(short, name, "", "", "held"))
        else:
            sent = codec.as_fields(codec.decode("google.protobuf.Any", ours[key].body))
            extra_allowed = type_url in _ADDED_BY_ENVOY
            for path, left, right in _compare("", sent, theirs[key], extra_allowed=extra_allowed):
                found.append(Difference(short, name, path, left, right))
    return sorted(found)


def _held(dump: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    held: dict[tuple[str, str], Any] = {}
    for part in dump.get("configs", ()):
        for entry in part.get("dynamic_listeners", ()):
            listener = entry.get("active_state", {}).get("listener")
            if listener is not None:
                held[LISTENER, listener["name"]] = _normal(listener)
        for scopes in part.get("dynamic_scoped_route_configs", ()):
            for scope in scopes.get("scoped_route_configs", ()):
                held[SCOPED_ROUTES, scope["name"]] = _normal(scope)
        for place, field, type_url in _PLACES:
            for entry in part.get(place, ()):
                item = entry.get(field)
                if item is not None:
                    held[type_url, item.get("name") or item.get("cluster_name", "")] = _normal(item)
    return held


def _normal(shown: Mapping[str, Any]) -> Any:
    """Return what Envoy shows in the form in which ours are written."""
    return codec.as_fields(codec.from_json("google.protobuf.Any", shown))


def _compare(
    path: str, left: Any, right: Any, *, extra_allowed: bool
) -> Iterator[tuple[str, str, str]]:
    if left == right or REDACTED in (right, left):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted({*left, *right}):
            if name in left or not extra_allowed:
                inner = f"{path}.{name}" if path else name
                both = left.get(name, _ABSENT), right.get(name, _ABSENT)
                yield from _compare(inner, *both, extra_allowed=extra_allowed)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, both in enumerate(zip(left, right, strict=True)):
            yield from _compare(f"{path}[{index}]", *both, extra_allowed=extra_allowed)
    elif not _is_redacted(right):
        yield path, _text(left), _text(right)


def _is_redacted(value: Any) -> bool:
    # Bytes are shown in base64, so their redaction is that of the word.
    return isinstance(value, str) and value == "W3JlZGFjdGVkXQ=="


def _text(value: Any) -> str:
    return "" if value is _ABSENT else str(value)
