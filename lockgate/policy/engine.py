"""The policy engine: from endpoints, namespaces and policies to what nodes enforce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate.ir.node import EndpointPolicy
from lockgate.ir.proxy import HttpRuleSet
from lockgate.model.meta import Labels, ObjectRef
from lockgate.model.policy import NAMESPACE_LABEL, Direction, Peers, Policy
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.clauses import NamedPort
from lockgate.policy.identity import RESERVED, IdentityAllocator, identity_labels, reserved_labels
from lockgate.policy.resolve import Resolution, resolve
from lockgate.policy.selections import Selections, cidrs_of, peers_of
from lockgate.state import Fetch, Graph, Index, Table

PolicyKey = tuple[ObjectRef, int]
_EVERY_NAMESPACE = ""


class PolicyEngine:
    """Tables of identities and endpoint policies that follow the declared ones.

    Identities come from ``endpoints``, all pods with an address; only those in ``local`` are
    resolved. One changed policy recomputes the endpoints it selects, one new identity those
    whose policies name a peer that selects it.
    """

    def __init__(
        self,
        graph: Graph,
        namespaces: Table[str, Namespace],
        endpoints: Table[str, Pod],
        policies: Table[PolicyKey, Policy],
        *,
        local: Table[str, Pod],
        restored: Mapping[str, Any] | None = None,
    ) -> None:
        self.identities: Table[str, int] = Table("identities")
        self.identity_labels: Table[int, Labels] = Table("identity labels")
        self.cidr_identities: Table[str, int] = Table("CIDR identities")
        self.rule_sets: Table[str, HttpRuleSet] = Table("rule sets")
        self._allocator = IdentityAllocator(restored)
        self._selections = Selections()
        self._policies = policies
        self._namespaces = namespaces
        self._endpoints = endpoints
        self._known: dict[PolicyKey, Policy] = {}
        self._labels: Table[str, Labels] = graph.derive(
            "endpoint labels", endpoints, self._label, (namespaces,)
        ).output
        self._seen_labels = self._seen_policies = self._seen_resolutions = 0
        self._second = Graph()
        self._wire(local)
        for number in RESERVED:
            self.identity_labels.put(number, reserved_labels(number))

    def _wire(self, local: Table[str, Pod]) -> None:
        self._by_namespace: Index[PolicyKey, Policy, str] = Index(
            self._policies, lambda _key, row: [_namespace_of(row)]
        )
        self._by_port_name: Index[str, Pod, str] = Index(
            self._endpoints, lambda _key, row: row.named_ports()
        )
        self._selecting = self._second.derive(
            "policies of an endpoint", local, self._select, (self._labels, self._by_namespace)
        ).output
        self._resolutions = self._second.derive(
            "endpoint policies",
            local,
            self._resolve,
            (self._selecting, self.identities, self._selections.table, self._by_port_name),
        ).output
        self.endpoint_policies: Table[str, EndpointPolicy] = Table("endpoint policies")

    def tick(self) -> None:
        """Bring every table up to date; call it after the graph's own tick."""
        self._number_identities()
        self._note_policies()
        self._second.tick()
        self._publish()

    def recomputed(self) -> dict[str, int]:
        """Return how many rows each derivation of the engine has computed so far."""
        return self._second.recomputed()

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to number identities alike."""
        return self._allocator.state()

    def _label(self, _key: str, pod: Pod, fetch: Fetch) -> Labels:
        return identity_labels(pod, fetch.get(self._namespaces, pod.namespace))

    def _number_identities(self) -> None:
        changed = self._labels.changes(self._seen_labels)
        self._seen_labels = self._labels.revision
        before = {key: self.identities.get(key) for key in changed}
        for key in sorted(changed):
            labels = self._labels.get(key)
            if labels is None:
                self.identities.delete(key)
                continue
            number = self._allocator.acquire(labels)
            self.identities.put(key, number)
            if self.identity_labels.put(number, labels):
                self._selections.add_labels(number, labels)
        for number in filter(None, before.values()):
            if self._allocator.release(number):
                self.identity_labels.delete(number)
                self._selections.remove(number)

    def _note_policies(self) -> None:
        changed = self._policies.changes(self._seen_policies)
        self._seen_policies = self._policies.revision
        for key in sorted(changed):
            old, new = self._known.pop(key, None), self._policies.get(key)
            if new is not None:
                self._known[key] = new
                for peers in _peers(new):
                    self._use(peers)
            for peers in _peers(old):
                self._drop(peers)

    def _use(self, peers: Peers) -> None:
        for cidr in cidrs_of(peers):
            number = self._allocator.acquire_cidr(cidr)
            if self.cidr_identities.put(cidr, number):
                self._selections.add_cidr(number, cidr)
        self._selections.use(peers_of(peers))

    def _drop(self, peers: Peers) -> None:
        self._selections.drop(peers_of(peers))
        for cidr in cidrs_of(peers):
            number = self.cidr_identities.get(cidr)
            if number is not None and self._allocator.release(number):
                self.cidr_identities.delete(cidr)
                self._selections.remove(number)

    def _select(self, key: str, pod: Pod, fetch: Fetch) -> tuple[Policy, ...]:
        held: Labels | None = fetch.get(self._labels, key)
        labels = dict(held or ())
        groups = (pod.namespace, _EVERY_NAMESPACE)
        candidates = [row for group in groups for row in fetch.group(self._by_namespace, group)]
        return tuple(
            policy
            for _, policy in sorted(candidates, key=lambda item: item[0])
            if policy.subject.matches(labels)
        )

    def _resolve(self, key: str, pod: Pod, fetch: Fetch) -> Resolution:
        def peer_identities(peers: Peers) -> frozenset[int]:
            found = [fetch.get(self._selections.table, peer) for peer in peers_of(peers)]
            return frozenset().union(*filter(None, found))

        def named_ports(direction: Direction, name: str) -> list[NamedPort]:
            if direction == "ingress":
                own = pod.named_ports().get(name)
                return [] if own is None else [NamedPort(*own)]
            return self._peers_with_port(name, fetch)

        policies = fetch.get(self._selecting, key) or ()
        identity = fetch.get(self.identities, key) or 0
        return resolve(key, identity, policies, peer_identities, named_ports)

    def _peers_with_port(self, name: str, fetch: Fetch) -> list[NamedPort]:
        holders: dict[tuple[int, str], set[int]] = {}
        for key, pod in fetch.group(self._by_port_name, name):
            identity = fetch.get(self.identities, key)
            if identity is not None:
                holders.setdefault(pod.named_ports()[name], set()).add(identity)
        return [NamedPort(*port, frozenset(who)) for port, who in sorted(holders.items())]

    def _publish(self) -> None:
        changed = self._resolutions.changes(self._seen_resolutions)
        self._seen_resolutions = self._resolutions.revision
        if not changed:
            return
        for key in changed:
            row = self._resolutions.get(key)
            if row is None:
                self.endpoint_policies.delete(key)
            else:
                self.endpoint_policies.put(key, row.policy)
        sets = (row for item in self._resolutions.values() for row in item.rule_sets)
        self.rule_sets.replace({row.name: row for row in sets})


def _peers(policy: Policy | None) -> list[Peers]:
    return [rule.peers for rule in policy.rules if rule.peers is not None] if policy else []


def _namespace_of(policy: Policy) -> str:
    """Return the one namespace a policy's subject can be in, or every."""
    for entry in policy.subject.requirements:
        if entry.key == NAMESPACE_LABEL and entry.operator == "In" and len(entry.values) == 1:
            return entry.values[0]
    return _EVERY_NAMESPACE
