"""The tables that hold what users declare; sources write them, everything else derives."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.model.ingress import Ingress, IngressClass
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.model.service import EndpointSlice, Secret, Service
from lockgate.model.workload import Namespace, Pod
from lockgate.state import Table

Key = tuple[str, str]
"""(namespace, name)."""
PolicyKey = tuple[ObjectRef, int]
"""A policy object and the number of its spec."""

Declaration = Namespace | Pod | Service | EndpointSlice | Secret | Ingress | IngressClass | Policy


class Declared:
    """One table for each kind."""

    def __init__(self) -> None:
        self.namespaces: Table[str, Namespace] = Table("namespaces")
        self.pods: Table[str, Pod] = Table("pods")
        self.services: Table[Key, Service] = Table("declared services")
        self.slices: Table[Key, EndpointSlice] = Table("declared slices")
        self.secrets: Table[Key, Secret] = Table("secrets")
        self.ingresses: Table[Key, Ingress] = Table("ingresses")
        self.classes: Table[str, IngressClass] = Table("ingress classes")
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
            key = (ref.namespace, ref.name)
            match ref.kind:
                case "Namespace":
                    self.namespaces.delete(ref.name)
                case "Pod":
                    self.pods.delete(ref.path)
                case "Service":
                    self.services.delete(key)
                case "EndpointSlice":
                    self.slices.delete(key)
                case "Secret":
                    self.secrets.delete(key)
                case "Ingress":
                    self.ingresses.delete(key)
                case "IngressClass":
                    self.classes.delete(ref.name)
                case _:
                    self._put_policies(ref, [])

    def _put(self, row: Declaration) -> None:
        match row:
            case Namespace():
                self.namespaces.put(row.name, row)
            case Pod():
                self.pods.put(row.ref.path, row)
            case Service():
                self.services.put((row.namespace, row.name), row)
            case EndpointSlice():
                self.slices.put((row.namespace, row.name), row)
            case Secret():
                self.secrets.put((row.namespace, row.name), row)
            case Ingress():
                self.ingresses.put((row.namespace, row.name), row)
            case IngressClass():
                self.classes.put(row.name, row)
            case Policy():
                self.policies.put((row.ref, row.index), row)

    def _put_policies(self, ref: ObjectRef, policies: list[Policy]) -> None:
        for index in range(len(policies), self._specs.pop(ref, 0)):
            self.policies.delete((ref, index))
        for policy in policies:
            self._put(policy)
        if policies:
            self._specs[ref] = len(policies)
