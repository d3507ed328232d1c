"""The declared policies with CIDR groups and Services filled in, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.model.meta import ObjectRef
from lockgate.model.policy import CidrGroup, CidrGroupReference, Policy, ServiceReference
from lockgate.model.service import EndpointSlice, Service
from lockgate.policy.expand import expand, group_matches, service_matches
from lockgate.state import Fetch, Graph, Index, Table

PolicyKey = tuple[ObjectRef, int]
ServiceKey = tuple[str, str]
_ALL = ""


class Expansion:
    """A table of policies; one is expanded anew when what it refers to changes."""

    def __init__(
        self,
        graph: Graph,
        policies: Table[PolicyKey, Policy],
        groups: Table[str, CidrGroup],
        services: Table[ServiceKey, Service],
        slices: Table[ServiceKey, tuple[EndpointSlice, ...]],
    ) -> None:
        self._groups: Index[str, CidrGroup, str] = Index(groups, lambda key, _row: [key, _ALL])
        self._services: Index[ServiceKey, Service, ServiceKey] = Index(
            services, lambda key, _row: [key, (key[0], _ALL), (_ALL, _ALL)]
        )
        self._slices = slices
        self.table: Table[PolicyKey, Policy] = graph.derive(
            "expanded policies", policies, self._expand, (self._groups, self._services, slices)
        ).output

    def row(self, key: PolicyKey) -> Policy:
        """Return a policy that is there."""
        found = self.table.get(key)
        assert found is not None  # for the type checker
        return found

    def _expand(self, _key: PolicyKey, policy: Policy, fetch: Fetch) -> Policy:
        def groups(reference: CidrGroupReference) -> Iterable[CidrGroup]:
            wanted = _ALL if reference.selector else reference.name
            rows = fetch.group(self._groups, wanted)
            return [row for _, row in rows if group_matches(reference, row.name, row.labels)]

        def services(
            reference: ServiceReference,
        ) -> Iterable[tuple[Service, Iterable[EndpointSlice]]]:
            name = _ALL if reference.selector else reference.name
            for key, row in fetch.group(self._services, (reference.namespace, name)):
                if service_matches(reference, row, row.labels):
                    slices = () if row.selector else fetch.get(self._slices, key) or ()
                    yield row, slices

        return expand(policy, groups, services)
