"""The routes of one path: its backend, and what the annotations of its Ingress ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import re2

from ingress.backends import BackendKey, FindService, resolve_backend
from ingress.claim import Claim, HostPath
from ingress.external import FindSecret, path_filters
from ingress.options import Canary, Options
from lockgate.ir.http import (
    Action,
    FieldTest,
    Filters,
    Forward,
    HeaderEdits,
    Mirror,
    PathMatch,
    Redirect,
    Respond,
    Rewrite,
    Route,
    Share,
)
from lockgate.model.ingress import ServiceBackend
from lockgate.model.meta import Problem

UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that may serve requests, the claim it is of, and the canary that shares it."""

    path: HostPath
    claim: Claim
    canary: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the routes of a host depend on besides the Ingresses."""

    find_service: FindService
    find_secret: FindSecret
    is_tls: bool = False
    """Whether the host is served over HTTPS."""
    demands_certificate: str = ""
    """The TLS name of this host that demands a client certificate, or empty."""
    force_https: bool = False
    """Whether hosts with TLS are redirected when their Ingress does not say."""
    https_port: int = 443


@dataclass(slots=True)
class PathRoutes:
    """What one path comes to."""

    routes: list[Route] = field(default_factory=list)
    backends: set[BackendKey] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def path_routes(candidate: Candidate, around: Surroundings) -> PathRoutes:
    """Return the routes of a path, in order of precedence."""
    made = PathRoutes()
    path, options = candidate.path, candidate.claim.options
    base = Route(route_match(path), Respond(UNAVAILABLE), candidate.claim.ref)
    filters = path_filters(candidate.claim, around.find_service, around.find_secret)
    made.backends |= filters.backends
    made.problems += filters.problems
    action = _action(candidate, made, around)
    if options.closed or filters.closed:
        action = Respond(UNAVAILABLE)
    kept = replace(filters.filters, server_name=around.demands_certificate)
    wanted = [
        replace(route, filters=kept)
        for route in _variants(replace(base, action=action), candidate, made, around)
    ]
    for route in wanted:
        made.routes += _by_scheme(route, options, around)
    return made


def _action(candidate: Candidate, made: PathRoutes, around: Surroundings) -> Action:
    options = candidate.claim.options
    if options.redirect is not None:
        return options.redirect
    cluster = _cluster(candidate, candidate.path.backend, "", made, around)
    if not cluster:
        return Respond(UNAVAILABLE)
    return Forward(
        (Share(cluster),),
        _rewrite(candidate, made),
        options.host,
        options.request_timeout_s,
        options.idle_timeout_s,
        options.retry,
        options.hash_on,
        _mirror(candidate, made, around),
    )


def _cluster(
    candidate: Candidate,
    backend: ServiceBackend | None,
    field_name: str,
    made: PathRoutes,
    around: Surroundings,
) -> str:
    """Return the name of a backend's cluster, or nothing, having told why."""
    if backend is None:
        return ""  # told when it was read
    claim, path = candidate.claim, candidate.path
    found = resolve_backend(claim.namespace, backend, claim.options, around.find_service)
    if isinstance(found, BackendKey):
        made.backends.add(found)
        return found.cluster
    default = path.field if path.field == "spec.defaultBackend" else f"{path.field}.backend"
    where = field_name or f"{default}.{found.field}"
    effect = "it gets no requests" if field_name else "this path answers 503"
    message = f"{found.message}; {effect}"
    made.problems.append(Problem(claim.ref, where, found.reason, message, found.fix))
    return ""


def _mirror(candidate: Candidate, made: PathRoutes, around: Surroundings) -> Mirror | None:
    options = candidate.claim.options
    if options.mirror is None:
        return None
    where = "metadata.annotations[ingress.lockgate.io/mirror]"
    cluster = _cluster(candidate, options.mirror, where, made, around)
    return Mirror(cluster, options.mirror_percent) if cluster else None


def _rewrite(candidate: Candidate, made: PathRoutes) -> Rewrite | None:
    target = candidate.claim.options.rewrite
    if target is None:
        return None
    match = route_match(candidate.path)
    pattern = _whole(match)
    wanted = max((int(digit) for digit in re2.findall(r"\\(\d)", target)), default=0)
    groups = _groups(pattern)
    if wanted > groups:
        made.problems.append(
            Problem(
                candidate.claim.ref,
                f"{candidate.path.field}.path",
                "MissingCapture",
                f"the rewrite target wants capture {wanted}, and {match.value!r} has {groups}; "
                "the path is not rewritten",
                "put parentheses around the part that is kept",
            )
        )
        return None
    return Rewrite(pattern, target)


def _groups(pattern: str) -> int:
    try:
        return int(re2.compile(pattern).groups)
    except re2.error:
        return 0


def _whole(match: PathMatch) -> str:
    """Return an expression that matches the whole of each path that a route takes."""
    if match.kind == "regex":
        return f"^(?:{match.value})$"
    quoted = re2.escape(match.value.rstrip("/") if match.kind == "prefix" else match.value)
    return f"^{quoted}$" if match.kind == "exact" else f"^{quoted}(?:/.*)?$"


def _variants(
    route: Route, candidate: Candidate, made: PathRoutes, around: Surroundings
) -> Iterator[Route]:
    """Yield a route and, before it, those that lead to its canary."""
    canary = candidate.canary
    action = route.action
    if canary is None or not isinstance(action, Forward) or canary.claim.options.canary is None:
        yield route
        return
    asked = canary.claim.options.canary
    cluster = _cluster(canary, canary.path.backend, "", made, around)
    if not cluster:
        yield route
        return
    there = replace(route, action=replace(action, shares=(Share(cluster),)))
    for test, chosen in _choices(asked):
        target = there if chosen == "canary" else route
        if test[0] == "header":
            yield replace(target, headers=(test[1],))
        else:
            yield replace(target, cookies=(test[1],))
    weight = min(asked.weight, asked.total)
    if 0 < weight < asked.total:
        shares = (*action.shares, Share(cluster, weight))
        shares = (replace(shares[0], weight=asked.total - weight), shares[1])
        yield replace(route, action=replace(action, shares=shares))
    else:
        yield there if weight else route


_Test = tuple[Literal["header", "cookie"], FieldTest]


def _choices(asked: Canary) -> Iterator[tuple[_Test, Literal["canary", "main"]]]:
    if asked.header and (asked.value or asked.pattern):
        test = FieldTest(asked.header, asked.value or asked.pattern, regex=not asked.value)
        yield ("header", test), "canary"
    elif asked.header:
        yield ("header", FieldTest(asked.header, "always")), "canary"
        yield ("header", FieldTest(asked.header, "never")), "main"
    if asked.cookie:
        yield ("cookie", FieldTest(asked.cookie, "always")), "canary"
        yield ("cookie", FieldTest(asked.cookie, "never")), "main"


def _by_scheme(route: Route, options: Options, around: Surroundings) -> Iterator[Route]:
    """Yield a route, or one for each scheme where they differ."""
    forced = options.force_https or ("tls" if around.force_https else "never")
    to_https = forced == "always" or (forced == "tls" and around.is_tls)
    if to_https and not isinstance(route.action, Redirect):
        port = 0 if around.https_port == 443 else around.https_port
        away = Redirect(308, "https", port=port)
        yield replace(route, scheme="http", action=away, filters=Filters())
    elif options.hsts:
        yield replace(route, scheme="http")
    if options.hsts:
        edits = route.filters.response_headers
        header = ("strict-transport-security", options.hsts)
        secured = HeaderEdits((*edits.set, header), edits.add, edits.remove)
        route = replace(
            route, scheme="https", filters=replace(route.filters, response_headers=secured)
        )
    yield route


def route_match(path: HostPath) -> PathMatch:
    """Return how a route takes the requests of a path."""
    kind, text = path.match
    match kind:
        case "Exact":
            return PathMatch("exact", text)
        case "ImplementationSpecific":
            return PathMatch("regex", text)
        case "Prefix":
            return PathMatch("prefix", text)
