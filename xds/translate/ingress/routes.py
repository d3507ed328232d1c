"""Virtual hosts, each encoded once, to route configurations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import re2

from lockgate.ir.http import FieldTest, PathMatch, Respond, Route, VirtualHost
from lockgate.model.meta import ObjectRef, Problem
from xds import codec
from xds.codec import schema, wire
from xds.codec.validate import violations
from xds.resource import ROUTES, Resource, encoded
from xds.translate.ingress.actions import action_fields, header_fields
from xds.translate.ingress.filters import route_config
from xds.translate.ingress.shards import SHARD_HEADER

MAX_REGEX_PROGRAM = 10_000
"""Size of the largest compiled expression, as Envoy's bootstrap has it too."""
_LARGEST = 2**63 - 1
_VIRTUAL_HOST = "envoy.config.route.v3.VirtualHost"
_ROUTE = "envoy.config.route.v3.Route"
_ROUTES = "envoy.config.route.v3.RouteConfiguration"
_VIRTUAL_HOSTS = 2
"""Number of that field of a route configuration."""


_TOLD_TO_BACKENDS: list[schema.HeaderValueOption] = [
    {
        "header": {"key": "x-real-ip", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    },
    {
        "header": {"key": "x-forwarded-host", "value": "%REQ(:AUTHORITY)%"},
        "append_action": "ADD_IF_ABSENT",
    },
]


@dataclass(frozen=True, slots=True)
class EncodedHost:
    """One virtual host, ready to be joined with others."""

    host: str
    field: bytes
    """Of a route configuration; empty if the host breaks a rule of Envoy."""
    origins: tuple[ObjectRef, ...]
    problems: tuple[Problem, ...]
    """Routes that Envoy would refuse, which are left out."""


def encode_host(host: VirtualHost, fallback: tuple[Route, ...] = ()) -> EncodedHost:
    """Encode a virtual host.

    Args:
        host: as declared.
        fallback: routes of ``*``, which a wildcard host would hide from Envoy.
    """
    origins = tuple(dict.fromkeys(route.origin for route in host.routes))
    problems = [_problem(route) for route in host.routes if not is_regex_valid(route.match)]
    message = codec.build(_VIRTUAL_HOST, _virtual_host(host, fallback))
    broken = violations(message)
    if broken:
        host, refused = _without_broken(host)
        problems += refused
        message = codec.build(_VIRTUAL_HOST, _virtual_host(host, fallback))
        broken = violations(message)
    if broken:
        problems += [_broken(ref, f"host {host.host!r}", broken) for ref in sorted(origins)]
        return EncodedHost(host.host, b"", origins, tuple(problems))
    body = wire.delimited(_VIRTUAL_HOSTS, message.SerializeToString(deterministic=True))
    return EncodedHost(host.host, body, origins, tuple(problems))


def _without_broken(host: VirtualHost) -> tuple[VirtualHost, list[Problem]]:
    """Have the routes that break a rule of Envoy answer 503; the others are served."""
    kept: list[Route] = []
    problems: list[Problem] = []
    for route in host.routes:
        broken = violations(codec.build(_ROUTE, _route(route)))
        if broken:
            problems.append(_broken(route.origin, f"path {route.match.value!r}", broken))
            kept.append(Route(route.match, Respond(503), route.origin))
        else:
            kept.append(route)
    return VirtualHost(host.host, tuple(kept)), problems


def joined_hosts(name: str, hosts: Iterable[EncodedHost]) -> Resource:
    """Return a route configuration made of encoded hosts.

    The port of a request's authority is ignored. What no host or path matches is answered 404.
    """
    head = schema.RouteConfiguration(
        name=name,
        ignore_port_in_host_matching=True,
        request_headers_to_remove=[SHARD_HEADER],
        request_headers_to_add=_TOLD_TO_BACKENDS,
    )
    parts = [codec.encode(_ROUTES, head)]
    origins: dict[ObjectRef, None] = {}
    for host in hosts:
        parts.append(host.field)
        origins.update(dict.fromkeys(host.origins))
    return encoded(ROUTES, name, b"".join(parts), tuple(origins))


def is_regex_valid(match: PathMatch) -> bool:
    """Tell whether Envoy can compile a path; one bad expression would fail the whole resource."""
    if match.kind != "regex":
        return True
    try:
        return bool(re2.compile(match.value).programsize <= MAX_REGEX_PROGRAM)
    except re2.error:
        return False


def _problem(route: Route) -> Problem:
    return Problem(
        route.origin,
        "spec.rules",
        "InvalidRegex",
        f"path {route.match.value!r} is not a valid RE2 expression, or too large a one",
        "escape its special characters, make it smaller, or use pathType Exact or Prefix",
    )


def _broken(ref: ObjectRef, what: str, broken: tuple[str, ...]) -> Problem:
    return Problem(
        ref,
        "spec.rules",
        "InvalidRoute",
        f"{what} cannot be served: {'; '.join(broken)}",
        "correct the host, its paths and annotations",
    )


def _virtual_host(host: VirtualHost, fallback: tuple[Route, ...]) -> schema.VirtualHost:
    if not host.host.startswith("*."):
        return {"name": host.host, "domains": [host.host], "routes": [*_routes(host.routes)]}
    one_label: schema.HeaderMatcher = {
        "name": ":authority",
        "string_match": {"safe_regex": {"regex": _one_label_regex(host.host)}},
    }
    # Envoy's "*.foo" takes any number of labels and hides "*": requests with more than one
    # label get the routes that they would have had without this host.
    other: schema.HeaderMatcher = {**one_label, "invert_match": True}
    routes = [*_routes(host.routes, [one_label]), *_routes(fallback, [other])]
    return {"name": host.host, "domains": [host.host], "routes": routes}


def _one_label_regex(host: str) -> str:
    return rf"(?i)[^.:]+{re.escape(host[1:])}(?::[0-9]+)?"


def _routes(
    routes: Iterable[Route], headers: Iterable[schema.HeaderMatcher] = ()
) -> Iterator[schema.Route]:
    for route in routes:
        if is_regex_valid(route.match):
            if route.filters.max_body:
                yield _too_large(route, headers)
            yield _route(route, headers)


def _route(route: Route, headers: Iterable[schema.HeaderMatcher] = ()) -> schema.Route:
    filters = route.filters
    made: schema.Route = {
        "name": f"{route.origin.path} {route.match.kind} {route.match.value}",
        "match": _match(route, headers),
        "metadata": {"filter_metadata": {"lockgate": _named(route.origin)}},
        **action_fields(route.action),
        **header_fields(filters.request_headers, filters.response_headers),
    }
    config = route_config(filters)
    if config:
        made["typed_per_filter_config"] = config
    return made


def _named(ref: ObjectRef) -> Any:  # a Struct
    return codec.struct({"namespace": ref.namespace, "name": ref.name})


def _too_large(route: Route, headers: Iterable[schema.HeaderMatcher]) -> schema.Route:
    """Answer a request at once that says its body is too large; others are counted as they come."""
    over: schema.HeaderMatcher = {
        "name": "content-length",
        "range_match": {"start": route.filters.max_body + 1, "end": _LARGEST},
    }
    answer = Route(route.match, Respond(413), route.origin)
    return {
        "name": f"{route.origin.path} too large",
        "match": _match(route, [*headers, over]),
        **action_fields(answer.action),
    }


def _match(route: Route, headers: Iterable[schema.HeaderMatcher]) -> schema.RouteMatch:
    tests = [*headers, *map(_header, route.headers)]
    if route.scheme:
        tests.append({"name": "x-forwarded-proto", "string_match": {"exact": route.scheme}})
    match: schema.RouteMatch = {**path_match(route.match), "headers": tests}
    if route.cookies:
        match["cookies"] = [_cookie(test) for test in route.cookies]
    return match


def _header(test: FieldTest) -> schema.HeaderMatcher:
    matcher: schema.HeaderMatcher = {"name": test.name}
    if test.value is None:
        matcher["present_match"] = True
    else:
        matcher["string_match"] = _text(test)
    if test.negate:
        matcher["invert_match"] = True
    return matcher


def _cookie(test: FieldTest) -> schema.CookieMatcher:
    matcher: schema.CookieMatcher = {"name": test.name, "string_match": _text(test)}
    if test.negate:
        matcher["invert_match"] = True
    return matcher


def _text(test: FieldTest) -> schema.StringMatcher:
    if test.value is None:
        return {"safe_regex": {"regex": ".*"}}
    if test.regex:
        return {"safe_regex": {"regex": test.value}}
    return {"exact": test.value}


def path_match(match: PathMatch) -> schema.RouteMatch:
    """Return the path part of Envoy's route match."""
    if match.kind == "exact":
        return {"path": match.value}
    if match.kind == "regex":
        return {"safe_regex": {"regex": match.value}}
    prefix = match.value.rstrip("/")
    if not prefix:
        return {"prefix": "/"}
    if "?" in prefix or "#" in prefix:  # no path holds them and Envoy refuses such a prefix
        return {"safe_regex": {"regex": rf"{re.escape(prefix)}(/.*)?"}}
    return {"path_separated_prefix": prefix}
