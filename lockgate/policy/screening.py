"""Which policies matter to clients of the Ingress, followed for the pods behind it alone."""

from __future__ import annotations

from typing import Any

from lockgate.ir import node
from lockgate.model.meta import Labels
from lockgate.model.policy import Policy
from lockgate.model.workload import Pod
from lockgate.policy.clients import ClientRules, client_rules, selects_ingress
from lockgate.policy.declared import PolicyKey
from lockgate.policy.identity import reserved_labels
from lockgate.policy.matching import Matching
from lockgate.state import Table

INGRESS = "ingress"
"""The Ingress among the keys of :attr:`Screening.rules`; pods' have a slash."""


class Screening:
    """Client rules by endpoint; a changed policy is read anew at those it selects.

    Args:
        behind: the pods that the Ingress forwards to, wherever they run.
        labels: of all endpoints' identities.
        policies: with everything they refer to filled in.
        mode: as of the engine.
    """

    def __init__(
        self,
        behind: Table[str, Pod],
        labels: Table[str, Labels],
        policies: Table[PolicyKey, Policy],
        mode: str,
    ) -> None:
        self.rules: Table[str, ClientRules] = Table("client rules")
        self.egress: Table[str, tuple[Policy, ...]] = Table("policies of the ingress")
        """Under :data:`INGRESS`, the policies that say whom the Ingress may reach, if any."""
        self._behind, self._labels, self._policies = behind, labels, policies
        self._mode = mode
        self._subjects: Matching[PolicyKey, str] = Matching()
        self._subjects.set_member(INGRESS, reserved_labels(node.IDENTITY_INGRESS))
        self._seen: dict[str, int] = {}

    def tick(self) -> None:
        """Bring the tables up to date."""
        stale: set[str] = set()
        for endpoint in self._changes(self._behind) | self._changes(self._labels):
            labels = self._labels.get(endpoint) if endpoint in self._behind else None
            if labels is not None or endpoint in self.rules:
                self._subjects.set_member(endpoint, labels)
                stale.add(endpoint)
        for key in self._changes(self._policies):
            if self._subjects.knows(key):
                stale |= self._subjects.remove_selector(key)
            policy = self._policies.get(key)
            if policy is not None and policy.subject_kind == "endpoint":
                stale |= self._subjects.add_selector(key, policy.subject)
        for endpoint in stale:
            self._read(endpoint)

    def _changes(self, table: Table[Any, Any]) -> set[Any]:
        changed = table.changes(self._seen.get(table.name, 0))
        self._seen[table.name] = table.revision
        return changed

    def _policies_of(self, endpoint: str) -> tuple[Policy, ...]:
        if self._mode == "never":
            return ()
        rows = map(self._policies.get, sorted(self._subjects.selecting(endpoint)))
        found = tuple(row for row in rows if row is not None)
        if endpoint == INGRESS:
            return tuple(row for row in found if selects_ingress(row.subject))
        return found

    def _read(self, endpoint: str) -> None:
        policies = self._policies_of(endpoint)
        if endpoint == INGRESS:
            self._set(self.egress, endpoint, policies or None)
            self._set(self.rules, endpoint, client_rules(policies, None, self._mode))
            return
        pod = self._behind.get(endpoint)
        rules = client_rules(policies, pod.named_ports(), self._mode) if pod else None
        self._set(self.rules, endpoint, rules)

    @staticmethod
    def _set(table: Table[str, Any], key: str, row: object | None) -> None:
        if row is None:
            table.delete(key)
        else:
            table.put(key, row)
