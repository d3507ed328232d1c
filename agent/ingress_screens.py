"""Policy at the Ingress: routes whose backends, or the Ingress itself, have rules about clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ingress.backends import PortKey
from ingress.graph import IngressGraph
from ingress.hosts import HostRoutes
from lockgate.ir.http import ClientScreen, Forward, Route
from lockgate.ir.upstream import ClusterEndpoints
from lockgate.model.workload import Pod
from lockgate.policy.clients import NOBODY, ingress_may_reach
from lockgate.policy.engine import PolicyEngine
from lockgate.policy.screening import INGRESS, Screening
from lockgate.state import Fetch, Graph, Index, Table

Screens = tuple[ClientScreen, ...]


class IngressScreens:
    """The hosts of the Ingress with the screens of policy put before their routes.

    Args:
        graph: of the ingress; it ticks before the policy engine, and that before :meth:`tick`.
        ingress: whose routes are screened.
        endpoints: all pods that have an address.
        policy: the engine, for what selectors see.
        ports: of the Ingress' own listeners.
        mode: of enforcement.
        cluster: prefixes of pods and nodes, whose clients are no addresses to policy.
    """

    def __init__(
        self,
        graph: Graph,
        ingress: IngressGraph,
        endpoints: Table[str, Pod],
        policy: PolicyEngine,
        ports: Iterable[int],
        mode: str,
        cluster: Iterable[str],
    ) -> None:
        self._ports, self._mode, self._cluster = tuple(ports), mode, tuple(cluster)
        self._labels = policy.labels
        self._backends: Index[PortKey, ClusterEndpoints, str] = Index(
            ingress.endpoints, lambda _key, row: {address for address, _ in row.endpoints}
        )
        self._behind: Table[str, Pod] = graph.derive(
            "pods behind the Ingress", endpoints, self._is_behind, (self._backends,)
        ).output
        self._pods: Index[str, Pod, str] = Index(self._behind, lambda _key, row: row.addresses)
        self._screening = Screening(self._behind, policy.labels, policy.expanded, mode)
        self._late = Graph()
        self._screens: Table[PortKey, Screens] = self._late.derive(
            "screens",
            ingress.endpoints,
            self._screen,
            (self._screening.rules, self._screening.egress, self._pods, self._labels),
        ).output
        self.hosts: Table[str, HostRoutes] = self._late.derive(
            "screened hosts", ingress.hosts, self._host, (self._screens, self._screening.rules)
        ).output

    def tick(self) -> None:
        """Bring the hosts up to date."""
        self._screening.tick()
        self._late.tick()

    def _is_behind(self, _key: str, pod: Pod, fetch: Fetch) -> Pod | None:
        behind = [bool(fetch.group(self._backends, address)) for address in pod.addresses]
        return pod if any(behind) else None

    def _screen(self, _key: PortKey, row: ClusterEndpoints, fetch: Fetch) -> Screens | None:
        """Return what must admit a client, for it to meet any of the backends."""
        found: set[ClientScreen] = set()
        for address, port in row.endpoints:
            for name, pod in fetch.group(self._pods, address):
                rules = fetch.get(self._screening.rules, name)
                screen = rules.screen(port, self._cluster) if rules else None
                found |= {screen} if screen else set()
                if not self._may_reach(name, pod, port, fetch):
                    found = {NOBODY}
        return tuple(sorted(found)) or None

    def _may_reach(self, name: str, pod: Pod, port: int, fetch: Fetch) -> bool:
        policies = fetch.get(self._screening.egress, INGRESS)
        if policies is None:
            return True
        labels = fetch.get(self._labels, name) or ()
        return ingress_may_reach(policies, labels, pod.named_ports(), port, self._mode)

    def _host(self, _key: str, row: HostRoutes, fetch: Fetch) -> HostRoutes:
        by_cluster = {
            backend.cluster: screens
            for backend in row.backends
            if backend.port is not None and (screens := fetch.get(self._screens, backend.port))
        }
        own = self._own(fetch)
        if not by_cluster and not own:
            return row
        routes = tuple(_screened(route, by_cluster, own) for route in row.virtual_host.routes)
        return replace(row, virtual_host=replace(row.virtual_host, routes=routes))

    def _own(self, fetch: Fetch) -> set[ClientScreen]:
        rules = fetch.get(self._screening.rules, INGRESS)
        if rules is None:
            return set()
        # A client's port is not kept for the routes, so it must be admitted at both.
        found = (rules.screen(port, self._cluster) for port in self._ports)
        return {screen for screen in found if screen is not None}


def _screened(route: Route, by_cluster: dict[str, Screens], own: set[ClientScreen]) -> Route:
    screens = set(own)
    if isinstance(route.action, Forward):
        for share in route.action.shares:
            screens |= set(by_cluster.get(share.cluster, ()))
    if not screens:
        return route
    return replace(route, filters=replace(route.filters, screens=tuple(sorted(screens))))
