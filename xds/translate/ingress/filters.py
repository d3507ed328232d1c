"""The HTTP filters of the ingress, and what a route tells each of them.

A route that comes to want a filter changes its own route configuration only: in the listeners
stands but a place for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from lockgate.ir.http import ClientScreen, Cors, ErrorPage, Filters, RateLimit
from xds import codec
from xds.codec import schema
from xds.translate.http import router
from xds.translate.ingress.authentication import authentication
from xds.translate.ingress.conditional import filled, place
from xds.translate.ingress.shards import shard_filter

_HTTP = "envoy.extensions.filters.http"
CORS = "lockgate.cors"
_Network = IPv4Network | IPv6Network
_ALWAYS: schema.RuntimeFractionalPercent = {"default_value": {"numerator": 100}}
_MAX_CLIENTS = 20_000
"""Client addresses that a rate limit remembers; the least recently seen is forgotten first."""
_MIN_COMPRESSED = 256
"""Bytes; below it an answer only grows."""


def http_filters() -> list[schema.HttpFilter]:
    """Return all HTTP filters of an ingress listener, in the order in which requests pass them."""
    cors: schema.HttpFilter = {
        "name": CORS,
        "typed_config": codec.any_of(f"{_HTTP}.cors.v3.Cors", {}),
    }
    return [shard_filter(), cors, place(), router(quiet=False)]


def route_config(filters: Filters) -> dict[str, schema.Any]:
    """Return what a route tells the filters, by their names."""
    found = filled(_wanted(filters))
    if filters.cors is not None:
        found[CORS] = _cors(filters.cors)
    return found


def _wanted(filters: Filters) -> Iterator[schema.TypedExtensionConfig]:
    if filters.error_pages:
        yield _filter("custom_response.v3.CustomResponse", _error_pages(filters.error_pages))
    if filters.compress:
        yield _compressor("brotli")
        yield _compressor("gzip")
    if filters.allow_from or filters.deny_from or filters.screens or filters.server_name:
        yield _filter("rbac.v3.RBAC", _addresses(filters))
    if filters.rate is not None:
        yield _filter("local_ratelimit.v3.LocalRateLimit", _rate(filters.rate))
    yield from authentication(filters)
    if filters.max_body:
        limit: schema.Buffer = {"max_request_bytes": {"value": filters.max_body}}
        yield _filter("buffer.v3.Buffer", limit)


def _filter(message: str, config: Mapping[str, Any]) -> schema.TypedExtensionConfig:
    name = f"lockgate.{message.partition('.')[0]}"
    return {"name": name, "typed_config": codec.any_of(f"{_HTTP}.{message}", config)}


# Error pages.


def _error_pages(pages: Iterable[ErrorPage]) -> schema.CustomResponse:
    exact = {page.status: page for page in pages if page.status.isdigit()}
    classes = {page.status: page for page in pages if not page.status.isdigit()}
    matcher = _status_matcher("HttpResponseStatusCodeMatchInput", exact)
    by_class = _status_matcher("HttpResponseStatusCodeClassMatchInput", classes)
    if matcher is None:
        matcher = by_class
    elif by_class is not None:
        matcher["on_no_match"] = {"matcher": by_class}
    assert matcher is not None  # there is at least one page
    return {"custom_response_matcher": matcher}


def _status_matcher(input_name: str, pages: dict[str, ErrorPage]) -> schema.MatcherMatcher | None:
    if not pages:
        return None
    return {
        "matcher_tree": {
            "input": {
                "name": input_name,
                "typed_config": codec.any_of(f"envoy.type.matcher.v3.{input_name}", {}),
            },
            "exact_match_map": {
                "map": {
                    status: {"action": {"name": status, "typed_config": _page(page)}}
                    for status, page in sorted(pages.items())
                }
            },
        }
    }


def _page(page: ErrorPage) -> schema.Any:
    policy: schema.LocalResponsePolicy = {
        "body": {"inline_string": page.body},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": page.content_type.replace("%", "%%")},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    message = "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy"
    return codec.any_of(message, policy)


# Compression.


def _compressor(name: str) -> schema.TypedExtensionConfig:
    library = f"envoy.extensions.compression.{name}.compressor.v3.{name.capitalize()}"
    config: schema.Compressor = {
        "compressor_library": {"name": name, "typed_config": codec.any_of(library, {})},
        "response_direction_config": {
            "common_config": {"min_content_length": {"value": _MIN_COMPRESSED}}
        },
    }
    return {
        "name": f"lockgate.{name}",
        "typed_config": codec.any_of(f"{_HTTP}.compressor.v3.Compressor", config),
    }


# Cross-origin requests.


def _cors(cors: Cors) -> schema.Any:
    policy: schema.CorsCorsPolicy = {
        "allow_origin_string_match": [_origin(origin) for origin in cors.origins],
        "allow_methods": ", ".join(cors.methods),
        "allow_headers": ", ".join(cors.headers),
        "expose_headers": ", ".join(cors.exposed),
        "allow_credentials": {"value": cors.credentials},
        "max_age": str(cors.max_age_s),
        "filter_enabled": _ALWAYS,
        "forward_not_matching_preflights": {"value": False},
    }
    return codec.any_of(f"{_HTTP}.cors.v3.CorsPolicy", policy)


def _origin(origin: str) -> schema.StringMatcher:
    if "*" not in origin:
        return {"exact": origin}
    if origin == "*":
        return {"safe_regex": {"regex": ".*"}}
    before, _, after = origin.partition("*")
    return {"safe_regex": {"regex": _quoted(before) + r"[a-zA-Z0-9.-]+" + _quoted(after)}}


def _quoted(text: str) -> str:
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)


# Who may ask.


def _addresses(filters: Filters) -> schema.HttpRbacRBAC:
    """Return a policy over the client's address, as trusted proxies tell it, and its TLS name."""
    parts: list[schema.Principal] = []
    if filters.allow_from:
        parts.append({"or_ids": {"ids": [*_remote(filters.allow_from)]}})
    if filters.deny_from:
        parts.append({"not_id": {"or_ids": {"ids": [*_remote(filters.deny_from)]}}})
    parts += map(_screen, filters.screens)
    principal: schema.Principal = {"and_ids": {"ids": parts}} if parts else {"any": True}
    permission: schema.Permission = {"any": True}
    if filters.server_name:
        permission = {"requested_server_name": {"exact": filters.server_name, "ignore_case": True}}
        if filters.server_name.startswith("*."):
            label = r"(?i)[^.]+" + _quoted(filters.server_name[1:])
            permission = {"requested_server_name": {"safe_regex": {"regex": label}}}
    policy: schema.Policy = {"permissions": [permission], "principals": [principal]}
    return {"rules": {"action": "ALLOW", "policies": {"clients": policy}}}


def _screen(screen: ClientScreen) -> schema.Principal:
    """Return who is in an allowed prefix and not in a denied one inside it, longest first."""
    ways: list[schema.Principal] = []
    for prefix in screen.allowed:
        outer = ip_network(prefix)
        inside = [
            one
            for one in screen.denied
            if ip_network(one) != outer and _lies_in(ip_network(one), outer)
        ]
        way = [*_remote([prefix])]
        if inside:
            way.append({"not_id": {"or_ids": {"ids": [*_remote(inside)]}}})
        ways.append({"and_ids": {"ids": way}})
    nobody: schema.Principal = {"not_id": {"any": True}}
    return {"or_ids": {"ids": ways}} if ways else nobody


def _lies_in(inner: _Network, outer: _Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version


def _remote(prefixes: Iterable[str]) -> Iterator[schema.Principal]:
    for prefix in prefixes:
        network = ip_network(prefix)
        yield {
            "remote_ip": {
                "address_prefix": str(network.network_address),
                "prefix_len": {"value": network.prefixlen},
            }
        }


# How often.


def _rate(rate: RateLimit) -> schema.HttpLocalRatelimitLocalRateLimit:
    bucket: schema.TokenBucket = {
        "max_tokens": max(rate.burst, 1),
        "tokens_per_fill": {"value": rate.requests},
        "fill_interval": codec.duration(rate.per_s),
    }
    return {
        "stat_prefix": "ingress_rate",
        # What no descriptor takes passes; each client address has a bucket of its own.
        "token_bucket": {"max_tokens": 2**31, "fill_interval": codec.duration(1)},
        "always_consume_default_token_bucket": {"value": False},
        "filter_enabled": _ALWAYS,
        "filter_enforced": _ALWAYS,
        "rate_limits": [{"actions": [{"remote_address": {}}]}],
        "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
        "max_dynamic_descriptors": {"value": _MAX_CLIENTS},
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
    }
