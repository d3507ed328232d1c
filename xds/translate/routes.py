"""Virtual hosts to one route configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import re2

from lockgate.ir.proxy import PathMatch, Route, VirtualHost
from lockgate.model.meta import Problem
from xds.resource import ROUTES, Resource, resource

INGRESS_ROUTES = "ingress"
"""Name of the route configuration of the ingress listeners."""


def route_configuration(hosts: Iterable[VirtualHost]) -> tuple[Resource, tuple[Problem, ...]]:
    """Return all virtual hosts as one resource, and the routes Envoy would refuse as problems.

    The port of a request's authority is ignored. What no host or path matches is answered 404.
    """
    ordered = sorted(hosts, key=lambda host: host.host)
    problems = tuple(
        _problem(route)
        for host in ordered
        for route in host.routes
        if not is_regex_valid(route.match)
    )
    fallback = next((host.routes for host in ordered if host.host == "*"), ())
    origins = {route.origin for host in ordered for route in host.routes}
    made = resource(
        ROUTES,
        INGRESS_ROUTES,
        {
            "name": INGRESS_ROUTES,
            "ignore_port_in_host_matching": True,
            "virtual_hosts": [_virtual_host(host, fallback) for host in ordered],
        },
        tuple(sorted(origins)),
    )
    return made, problems


def is_regex_valid(match: PathMatch) -> bool:
    """Tell whether Envoy can compile a path; one bad expression would fail the whole resource."""
    if match.kind != "regex":
        return True
    try:
        re2.compile(match.value)
    except re2.error:
        return False
    return True


def _problem(route: Route) -> Problem:
    return Problem(
        route.origin,
        "spec.rules",
        "InvalidRegex",
        f"path {route.match.value!r} is not a valid RE2 expression",
        "escape its special characters or use pathType Exact or Prefix",
    )


def _virtual_host(host: VirtualHost, fallback: tuple[Route, ...]) -> dict[str, Any]:
    if not host.host.startswith("*."):
        routes = [_route(route) for route in host.routes if is_regex_valid(route.match)]
        return {"name": host.host, "domains": [host.host], "routes": routes}
    one_label = {
        "name": ":authority",
        "string_match": {"safe_regex": {"regex": _one_label_regex(host.host)}},
    }
    # Envoy's "*.foo" takes any number of labels and hides "*": requests with more than one
    # label get the routes that they would have had without this host.
    routes = [_route(route, [one_label]) for route in host.routes if is_regex_valid(route.match)]
    other = {**one_label, "invert_match": True}
    routes += [_route(route, [other]) for route in fallback if is_regex_valid(route.match)]
    return {"name": host.host, "domains": [host.host], "routes": routes}


def _one_label_regex(host: str) -> str:
    return rf"(?i)[^.:]+{re.escape(host[1:])}(?::[0-9]+)?"


def _route(route: Route, headers: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    match = {**path_match(route.match), "headers": list(headers)}
    if not route.cluster:
        return {"match": match, "direct_response": {"status": route.status or 404}}
    # A timeout of zero is none: downloads and websockets last as long as they need.
    return {"match": match, "route": {"cluster": route.cluster, "timeout": {}}}


def path_match(match: PathMatch) -> dict[str, Any]:
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
