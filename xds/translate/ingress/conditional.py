"""Filters that only some routes have.

Envoy decides which filters of a chain are disabled before the shard of a request is known, and
then knows no route. So one empty composite stands in the chain, and a route that wants filters
says with which to fill it. A route that wants none pays for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xds import codec
from xds.codec import schema

PLACE = "lockgate.route_filters"
"""Name of the composite, in the chain and in what routes say to it."""
_COMMON = "envoy.extensions.common.matching.v3"
_COMPOSITE = "envoy.extensions.filters.http.composite.v3"
_SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"


def place() -> schema.HttpFilter:
    """Return the place of the conditional filters in the chain; it does nothing by itself."""
    config: schema.ExtensionWithMatcher = {
        "extension_config": {
            "name": PLACE,
            "typed_config": codec.any_of(f"{_COMPOSITE}.Composite", schema.Composite()),
        },
        "xds_matcher": {"on_no_match": {"action": _action("skip", _SKIP, {})}},
    }
    return {
        "name": PLACE,
        "typed_config": codec.any_of(f"{_COMMON}.ExtensionWithMatcher", config),
    }


def filled(filters: Iterable[schema.TypedExtensionConfig]) -> dict[str, schema.Any]:
    """Return what a route says at :func:`place` to have filters there, in this order."""
    chain = list(filters)
    if not chain:
        return {}
    action: schema.ExecuteFilterAction = {"filter_chain": {"typed_config": chain}}
    route: schema.ExtensionWithMatcherPerRoute = {
        "xds_matcher": {
            "on_no_match": {"action": _action(PLACE, f"{_COMPOSITE}.ExecuteFilterAction", action)}
        }
    }
    return {PLACE: codec.any_of(f"{_COMMON}.ExtensionWithMatcherPerRoute", route)}


def _action(name: str, message: str, config: Mapping[str, Any]) -> schema.TypedExtensionConfig:
    return {"name": name, "typed_config": codec.any_of(message, config)}
