"""Virtual hosts, each encoded once, to route configurations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import re2

from lockgate.ir.proxy import PathMatch, Route, VirtualHost
from lockgate.model.meta import ObjectRef, Problem
from xds import codec
from xds.codec import schema, wire
from xds.codec.validate import violations
from xds.resource import ROUTES, Resource, encoded

SHARD_HEADER = "x-lockgate-shard"
"""Set by the ingress listeners to choose a route configuration; backends never see it."""
MAX_REGEX_PROGRAM = 10_000
"""Size of the largest compiled expression, as Envoy's bootstrap has it too."""
_VIRTUAL_HOST = "envoy.config.route.v3.VirtualHost"
_ROUTES = "envoy.config.route.v3.RouteConfiguration"
_VIRTUAL_HOSTS = 2
"""Number of that field of a route configuration."""


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
        problems += [_broken(ref, host.host, broken) for ref in sorted(origins)]
        return EncodedHost(host.host, b"", origins, tuple(problems))
    body = wire.delimited(_VIRTUAL_HOSTS, message.SerializeToString(deterministic=True))
    return EncodedHost(host.host, body, origins, tuple(problems))


def joined_hosts(name: str, hosts: Iterable[EncodedHost]) -> Resource:
    """Return a route configuration made of encoded hosts.

    The port of a request's authority is ignored. What no host or path matches is answered 404.
    """
    head = schema.RouteConfiguration(
        name=name,
        ignore_port_in_host_matching=True,
        request_headers_to_remove=[SHARD_HEADER],
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


def _broken(ref: ObjectRef, host: str, broken: tuple[str, ...]) -> Problem:
    return Problem(
        ref,
        "spec.rules",
        "InvalidHost",
        f"host {host!r} cannot be served: {'; '.join(broken)}",
        "correct the host and its paths",
    )


def _virtual_host(host: VirtualHost, fallback: tuple[Route, ...]) -> schema.VirtualHost:
    if not host.host.startswith("*."):
        routes = [_route(route) for route in host.routes if is_regex_valid(route.match)]
        return {"name": host.host, "domains": [host.host], "routes": routes}
    one_label: schema.HeaderMatcher = {
        "name": ":authority",
        "string_match": {"safe_regex": {"regex": _one_label_regex(host.host)}},
    }
    # Envoy's "*.foo" takes any number of labels and hides "*": requests with more than one
    # label get the routes that they would have had without this host.
    routes = [_route(route, [one_label]) for route in host.routes if is_regex_valid(route.match)]
    other: schema.HeaderMatcher = {**one_label, "invert_match": True}
    routes += [_route(route, [other]) for route in fallback if is_regex_valid(route.match)]
    return {"name": host.host, "domains": [host.host], "routes": routes}


def _one_label_regex(host: str) -> str:
    return rf"(?i)[^.:]+{re.escape(host[1:])}(?::[0-9]+)?"


def _route(route: Route, headers: Iterable[schema.HeaderMatcher] = ()) -> schema.Route:
    match: schema.RouteMatch = {**path_match(route.match), "headers": list(headers)}
    if not route.cluster:
        return {"match": match, "direct_response": {"status": route.status or 404}}
    # A timeout of zero is none: downloads and websockets last as long as they need.
    return {"match": match, "route": {"cluster": route.cluster, "timeout": {}}}


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
