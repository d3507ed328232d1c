"""Who gets a frontend that several Services or Pods ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lockgate.ir.node import LoadBalancer, ServiceKind
from lockgate.model.meta import Problem

_RANK: dict[ServiceKind, int] = {
    "ClusterIP": 0, "LoadBalancer": 1, "ExternalIP": 2, "NodePort": 3, "HostPort": 4,
}  # fmt: skip
_FIELD: dict[ServiceKind, str] = {
    "ClusterIP": "spec.clusterIPs",
    "LoadBalancer": "status.loadBalancer.ingress",
    "ExternalIP": "spec.externalIPs",
    "NodePort": "spec.ports",
    "HostPort": "spec.containers",
}


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What one object gets on this node, and what it does not get."""

    balancers: tuple[LoadBalancer, ...]
    problems: tuple[Problem, ...] = ()


def winner(claims: Iterable[LoadBalancer]) -> LoadBalancer:
    """Return who gets the frontend that all ``claims`` have.

    A cluster address cannot be taken over by another Service's external one, nor an address of a
    Service by a pod; of equal kinds the smaller name wins, whoever came first, so that all nodes
    agree.
    """
    return min(claims, key=lambda claim: (_RANK[claim.kind], claim.origin))


def lost(claim: LoadBalancer, to: LoadBalancer) -> Problem:
    """Return the problem of a claim that another won."""
    front = claim.frontend
    port = f"{front.port}/{front.protocol}"
    many = claim.kind in ("NodePort", "HostPort")
    what = f"port {port} of the node" if many else f"{front.address}:{port}"
    whose = "of its own" if to.origin == claim.origin else f"of {to.origin}"
    return Problem(
        claim.origin,
        _FIELD[claim.kind],
        "FrontendTaken",
        f"{what} is a {to.kind} {whose} already",
        "choose another port" if many else "choose another address or port",
    )
