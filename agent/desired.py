"""The whole derivation, from what is declared to what Envoy and the kernel must do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.cursor import Cursor
from agent.declared import Declared
from agent.ingress_screens import IngressScreens
from agent.saved_state import SavedState
from agent.topology import Topology
from ingress.graph import IngressGraph, IngressInputs, IngressSettings
from lockgate.model.meta import Problem
from lockgate.policy.engine import PolicyEngine, Surroundings
from lockgate.settings import Settings
from lockgate.state import Graph


class Desired:
    """Every table of the node, and the tick that brings them up to date."""

    def __init__(
        self, settings: Settings, saved: SavedState, host_prefixes: Iterable[str] = ()
    ) -> None:
        self.settings = settings
        self.declared = Declared()
        self.graph = Graph()
        in_cluster = settings.source == "kubernetes"
        self.topology = Topology(
            self.graph, self.declared, settings.node_name, in_cluster=in_cluster
        )
        self.surroundings = Surroundings(
            groups=self.declared.groups,
            nodes=self.declared.nodes,
            services=self.topology.services,
            slices=self.topology.slices,
        )
        self.policy = PolicyEngine(
            self.graph,
            self.declared.namespaces,
            self.topology.endpoints,
            self.declared.policies,
            local=self.topology.local,
            surroundings=self.surroundings,
            mode=settings.policy_enforcement,
            audit=settings.policy_audit,
            grace_s=settings.identity_grace_s,
            restored=saved.section("identities") or None,
            node_name=settings.node_name,
        )
        self.ingress = IngressGraph(
            self.graph,
            IngressSettings(
                settings.controller_class,
                settings.node_name,
                settings.ingress_force_https,
                settings.ingress_public_https_port or settings.https_port,
            ),
            IngressInputs(
                self.declared.ingresses,
                self.declared.classes,
                self.declared.class_parameters,
                self.topology.services,
                self.topology.slices,
                self.declared.secrets,
                self.declared.nodes,
            ),
        )
        self.screens = IngressScreens(
            self.graph,
            self.ingress,
            self.topology.endpoints,
            self.policy,
            (settings.http_port, settings.https_port),
            settings.policy_enforcement,
            (*settings.pod_prefixes, *settings.cluster_cidrs, *host_prefixes),
        )
        self._new_hosts = Cursor(self.ingress.hosts)
        self._new_tls = Cursor(self.ingress.tls)
        self._new_claims = Cursor(self.ingress.claimed)
        self._new_forwarded = (
            Cursor(self.topology.forwarding.services),
            Cursor(self.topology.forwarding.pods),
        )
        self._endpoint_ids: dict[str, int] = dict(saved.section("endpoints"))

    def tick(self, now: float = 0.0) -> None:
        """Recompute what the changes since the last tick touch.

        ``now`` is in seconds, of the clock by which identities are kept for a grace period.
        """
        self.graph.tick()
        self.policy.tick(now)
        self.screens.tick()

    def endpoint_id(self, endpoint: str) -> int:
        """Return an endpoint's number, the lowest free one if it has none yet."""
        number = self._endpoint_ids.get(endpoint)
        if number is None:
            used = set(self._endpoint_ids.values())
            number = next(n for n in range(1, len(used) + 2) if n not in used)
            self._endpoint_ids[endpoint] = number
        return number

    def forget_endpoint(self, endpoint: str) -> None:
        """Let an endpoint's number be given to another."""
        self._endpoint_ids.pop(endpoint, None)

    def endpoint_ids(self) -> dict[str, int]:
        """Return all numbers, to be kept across a restart."""
        return dict(self._endpoint_ids)

    def new_problems(self) -> list[Problem]:
        """Return what is wrong in the rows that changed since the last call, sorted."""
        cursors: tuple[Cursor[Any, Any], ...] = (
            self._new_hosts, self._new_tls, self._new_claims, *self._new_forwarded,
        )  # fmt: skip
        changed = (cursor.take() for cursor in cursors)
        rows = [row for part in changed for row in part.values() if row is not None]
        return sorted({problem for row in rows for problem in row.problems})

    def problems(self) -> list[Problem]:
        """Return what is wrong across objects, sorted."""
        forwarding = self.topology.forwarding
        rows = (*forwarding.services.values(), *forwarding.pods.values())
        forwarded = (problem for row in rows for problem in row.problems)
        return sorted({*self.ingress.problems(), *self.policy.problems(), *forwarded})
