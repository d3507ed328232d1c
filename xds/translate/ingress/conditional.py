"""Filters that only some routes have.

Envoy decides which filters of a chain are disabled before the shard of a request is known, and
then knows no route. So a filter that has no neutral configuration stands in the chain as an empty
composite, and the routes that want it say with what to fill it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xds import codec
from xds.codec import schema

_COMMON = "envoy.extensions.common.matching.v3"
_COMPOSITE = "envoy.extensions.filters.http.composite.v3"
_SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"


def place(name: str) -> schema.HttpFilter:
    """Return the place of a conditional filter in the chain; it does nothing by itself."""
    config: schema.ExtensionWithMatcher = {
        "extension_config": {
            "name": name,
            "typed_config": codec.any_of(f"{_COMPOSITE}.Composite", schema.Composite()),
        },
        "xds_matcher": {"on_no_match": _action("skip", _SKIP, {})},
    }
    return {
        "name": name,
        "typed_config": codec.any_of(f"{_COMMON}.ExtensionWithMatcher", config),
    }


def filled(name: str, message: str, config: Mapping[str, Any]) -> schema.Any:
    """Return what a route says at :func:`place` ``name`` to have a filter there."""
    inner: schema.TypedExtensionConfig = {
        "name": name,
        "typed_config": codec.any_of(message, config),
    }
    action: schema.ExecuteFilterAction = {"typed_config": inner}
    route: schema.ExtensionWithMatcherPerRoute = {
        "xds_matcher": {"on_no_match": _action(name, f"{_COMPOSITE}.ExecuteFilterAction", action)}
    }
    return codec.any_of(f"{_COMMON}.ExtensionWithMatcherPerRoute", route)


def _action(name: str, message: str, config: Mapping[str, Any]) -> Any:  # a matcher's OnMatch
    return {"action": {"name": name, "typed_config": codec.any_of(message, config)}}
