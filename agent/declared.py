"""The tables that hold what users declare; sources write them, everything else derives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.model.address_pool import AddressPool
from lockgate.model.ingress import ClassParameters, Ingress, IngressClass
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import CidrGroup, Policy
from lockgate.model.service import EndpointSlice, Secret, Service
from lockgate.model.workload import Namespace, Node, Pod
from lockgate.sources.parse import Declaration, object_ref
from lockgate.state import Table

Key = tuple[str, str]
"""(namespace, name)."""
PolicyKey = tuple[ObjectRef, int]
"""A policy object and the number of its spec."""


class Declared:
    """One table for each kind."""

    def __init__(self) -> None:
        self.namespaces: Table[str, Namespace] = Table("namespaces")
        self.nodes: Table[str, Node] = Table("nodes")
        self.groups: Table[str, CidrGroup] = Table("CIDR groups")
        self.pods: Table[str, Pod] = Table("pods")
        self.services: Table[Key, Service] = Table("declared services")
        self.slices: Table[Key, EndpointSlice] = Table("declared slices")
        self.secrets: Table[Key, Secret] = Table("secrets")
        self.ingresses: Table[Key, Ingress] = Table("ingresses")
        self.classes: Table[str, IngressClass] = Table("ingress classes")
        self.class_parameters: Table[str, ClassParameters] = Table("ingress class parameters")
        self.address_pools: Table[str, AddressPool] = Table("address pools")
        self.policies: Table[PolicyKey, Policy] = Table("policies")
        self._specs: dict[ObjectRef, int] = {}

    def put(self, rows: Iterable[Declaration]) -> None:
        """Write objects; of a policy object, all its specs must come in one call."""
        specs: dict[ObjectRef, list[Policy]] = {}
        for row in rows:
            if isinstance(row, Policy):
                specs.setdefault(row.ref, []).append(row)
            else:
                self._put(row)
        for ref, policies in specs.items():
            self._put_policies(ref, policies)

    def delete(self, refs: Iterable[ObjectRef]) -> None:
        """Remove objects; one that is not there is no error."""
        for ref in refs:
            table = self._tables().get(ref.kind.replace("Cilium", "Lockgate"))
            if table is None:
                self._put_policies(ref, [])
            else:
                table.delete(_key(ref, table is self.pods))

    def _put(self, row: Declaration) -> None:
        ref = object_ref(row)
        if isinstance(row, Policy):
            self.policies.put((row.ref, row.index), row)
        else:
            table = self._tables()[ref.kind]
            table.put(_key(ref, table is self.pods), row)

    def _tables(self) -> dict[str, Table[Any, Any]]:
        return {
            "Namespace": self.namespaces,
            "Node": self.nodes,
            "LockgateCIDRGroup": self.groups,
            "Pod": self.pods,
            "Service": self.services,
            "EndpointSlice": self.slices,
            "Secret": self.secrets,
            "Ingress": self.ingresses,
            "IngressClass": self.classes,
            "LockgateIngressParameters": self.class_parameters,
            "LockgateAddressPool": self.address_pools,
        }

    def _put_policies(self, ref: ObjectRef, policies: list[Policy]) -> None:
        for index in range(len(policies), self._specs.pop(ref, 0)):
            self.policies.delete((ref, index))
        for policy in policies:
            self._put(policy)
        if policies:
            self._specs[ref] = len(policies)


def _key(ref: ObjectRef, as_path: bool) -> Key | str:  # pods are known by path
    return ref.path if as_path or not ref.namespace else (ref.namespace, ref.name)
