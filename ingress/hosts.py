"""The routes of one host, merged from every Ingress that names it.

Order of precedence: Exact, then ImplementationSpecific (an RE2 expression that must match the
whole path), then Prefix by path element; within a kind the longer path first.
Source: Kubernetes API, ``networking.k8s.io/v1 HTTPIngressPath``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ingress.claim import HostPath
from lockgate.ir.proxy import PathMatch, Route, VirtualHost
from lockgate.model.ingress import PathType, ServiceBackend
from lockgate.model.meta import Problem
from lockgate.model.service import Service, ServicePort

_RANK: dict[PathType, int] = {"Exact": 0, "ImplementationSpecific": 1, "Prefix": 2}
_NO_BACKEND = 503


@dataclass(frozen=True, slots=True)
class BackendKey:
    """A Service's port as an Ingress names it."""

    namespace: str
    service: str
    port: int | str

    @property
    def cluster(self) -> str:
        """Name of the cluster for it."""
        return f"{self.namespace}/{self.service}/{self.port}"


@dataclass(frozen=True, slots=True)
class HostRoutes:
    """All there is to say of one host."""

    virtual_host: VirtualHost
    backends: frozenset[BackendKey]
    problems: tuple[Problem, ...]


FindService = Callable[[tuple[str, str]], Service | None]


def host_routes(host: str, paths: Iterable[HostPath], find_service: FindService) -> HostRoutes:
    """Merge the paths of one host; a path that conflicts with an older one is left out."""
    winners, problems = _settle_conflicts(host, paths)
    routes: list[Route] = []
    backends: set[BackendKey] = set()
    for path in sorted(winners, key=_precedence):
        problem = _backend_problem(path, find_service)
        if problem is None:
            key = BackendKey(path.namespace, path.backend.service, path.backend.port)
            backends.add(key)
            routes.append(Route(_path_match(path), key.cluster, path.origin))
        else:
            problems.append(problem)
            routes.append(Route(_path_match(path), "", path.origin, status=_NO_BACKEND))
    return HostRoutes(VirtualHost(host, tuple(routes)), frozenset(backends), tuple(problems))


def service_port(service: Service, port: int | str) -> ServicePort | None:
    """Return a Service's port by number or name."""
    for entry in service.ports:
        if port in (entry.port, entry.name) and entry.protocol == "TCP":
            return entry
    return None


def _precedence(path: HostPath) -> tuple[int, int, str]:
    kind, text = path.match
    return _RANK[kind], -len(text), text


def _path_match(path: HostPath) -> PathMatch:
    kind, text = path.match
    match kind:
        case "Exact":
            return PathMatch("exact", text)
        case "ImplementationSpecific":
            return PathMatch("regex", text)
        case "Prefix":
            return PathMatch("prefix", text)


def _settle_conflicts(host: str, paths: Iterable[HostPath]) -> tuple[list[HostPath], list[Problem]]:
    winners: dict[tuple[PathType, str], HostPath] = {}
    problems: list[Problem] = []
    for path in sorted(paths, key=lambda path: (path.age, path.field)):
        winner = winners.setdefault(path.match, path)
        if winner is not path and winner.backend != path.backend:
            problems.append(
                Problem(
                    path.origin,
                    path.field,
                    "Conflict",
                    f"{path.path_type} {path.path} of host {host} is already served by "
                    f"{winner.origin}, which is older",
                    "remove one of the two",
                )
            )
    return list(winners.values()), problems


def _backend_problem(path: HostPath, find_service: FindService) -> Problem | None:
    backend: ServiceBackend = path.backend
    service = find_service((path.namespace, backend.service))
    if service is None:
        return Problem(
            path.origin,
            f"{path.field}.backend.service.name",
            "ServiceNotFound",
            f"there is no Service {path.namespace}/{backend.service}; this path answers 503",
            "create the Service or correct the name",
        )
    if service_port(service, backend.port) is None:
        ports = ", ".join(f"{entry.name or '-'}:{entry.port}" for entry in service.ports)
        return Problem(
            path.origin,
            f"{path.field}.backend.service.port",
            "ServicePortNotFound",
            f"{service.ref} has no TCP port {backend.port}; this path answers 503",
            f"use one of {ports}",
        )
    return None
