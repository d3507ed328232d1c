"""The routes of one host, merged from every Ingress that names it.

Order of precedence: Exact, then ImplementationSpecific (an RE2 expression that must match the
whole path), then Prefix by path element; within a kind the longer path first.
Source: Kubernetes API, ``networking.k8s.io/v1 HTTPIngressPath``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingress.backends import BackendKey
from ingress.claim import Claim
from ingress.path_routes import Candidate, PathRoutes, Surroundings, path_routes
from lockgate.ir.http import PathMatch, Redirect, Route, VirtualHost
from lockgate.model.ingress import PathType
from lockgate.model.meta import Problem

_RANK: dict[PathType, int] = {"Exact": 0, "ImplementationSpecific": 1, "Prefix": 2}


@dataclass(frozen=True, slots=True)
class HostRoutes:
    """All there is to say of one host."""

    virtual_host: VirtualHost
    backends: frozenset[BackendKey]
    problems: tuple[Problem, ...]


def host_routes(host: str, claims: Iterable[Claim], around: Surroundings) -> HostRoutes:
    """Merge what claims say of a host; a path that conflicts with an older one is left out."""
    candidates = [
        Candidate(path, claim)
        for claim in sorted(claims, key=lambda row: row.age)
        for path in claim.paths
        if path.host == host
    ]
    winners, problems = settle(candidates)
    routes: list[Route] = [*_app_roots(winners)]
    backends: set[BackendKey] = set()
    for winner in sorted(winners, key=precedence):
        made: PathRoutes = path_routes(winner, around)
        routes += made.routes
        backends |= made.backends
        problems += made.problems
    return HostRoutes(VirtualHost(host, tuple(routes)), frozenset(backends), tuple(problems))


def precedence(candidate: Candidate) -> tuple[int, int, str]:
    """Return the order in which paths of one host are tried."""
    kind, text = candidate.path.match
    return _RANK[kind], -len(text), text


def settle(candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[Problem]]:
    """Choose one candidate for each path, the first; give it its canaries.

    Candidates must come the oldest first.
    """
    winners: dict[tuple[PathType, str], Candidate] = {}
    canaries: list[Candidate] = []
    problems: list[Problem] = []
    for candidate in sorted(candidates, key=lambda row: row.path.is_default):
        if candidate.claim.options.canary is not None:
            canaries.append(candidate)
            continue
        winner = winners.setdefault(candidate.path.match, candidate)
        if winner is not candidate and _differ(winner, candidate):
            problems.append(_conflict(candidate, winner))
    for canary in canaries:
        main = winners.get(canary.path.match)
        if main is None or main.canary is not None:
            problems.append(_lone_canary(canary, main))
        else:
            winners[canary.path.match] = Candidate(main.path, main.claim, canary)
    return list(winners.values()), problems


def _differ(winner: Candidate, loser: Candidate) -> bool:
    if loser.path.is_default and not winner.path.is_default:
        return False  # a rule stands in its way, as rules do
    return (winner.path.backend, winner.claim.options) != (
        loser.path.backend,
        loser.claim.options,
    ) or winner.claim.namespace != loser.claim.namespace


def _conflict(loser: Candidate, winner: Candidate) -> Problem:
    path = loser.path
    return Problem(
        loser.claim.ref,
        path.field,
        "Conflict",
        f"{path.kind} {path.path} of host {path.host} is already served by "
        f"{winner.claim.ref}, which is older",
        "remove one of the two",
    )


def _lone_canary(canary: Candidate, main: Candidate | None) -> Problem:
    path = canary.path
    why = "there is no Ingress that it could be a canary of"
    fix = "create one with the same host and path, and no canary annotations"
    if main is not None and main.canary is not None:
        why, fix = f"{main.canary.claim.ref} is already its canary", "remove one of the two"
    text = f"{path.kind} {path.path} of host {path.host}: {why}"
    return Problem(canary.claim.ref, path.field, "CanaryWithoutMain", text, fix)


def _app_roots(winners: Iterable[Candidate]) -> Iterator[Route]:
    """Yield at most one redirect of ``/``, by the oldest Ingress that asks for it."""
    asking = [row for row in winners if row.claim.options.app_root]
    if asking:
        claim = min(asking, key=lambda row: row.claim.age).claim
        where = Redirect(302, path=claim.options.app_root)
        yield Route(PathMatch("exact", "/"), where, claim.ref)
