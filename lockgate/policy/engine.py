"""The policy engine: from endpoints, namespaces and policies to what nodes enforce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from lockgate.ir.node import IDENTITY_WORLD, EndpointPolicy
from lockgate.ir.proxy import HttpRuleSet
from lockgate.model.meta import Labels, ObjectRef
from lockgate.model.policy import NAMESPACE_LABEL, Direction, Peers, Policy
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.clauses import NamedPort, NamedPorts
from lockgate.policy.identity import RESERVED, IdentityAllocator, identity_labels, reserved_labels
from lockgate.policy.resolve import Resolution, resolve
from lockgate.policy.selections import Selections, cidrs_of, peers_of
from lockgate.policy.trace import Knowledge, Party, Question, Trace, trace
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

    def party(self, name: str) -> Party | None:
        """Return an end of a connection by name, or None if there is none of that name.

        Args:
            name: ``namespace/pod``, a reserved identity such as ``world``, an address, or labels
                such as ``app=web,tier=front``, which stand for the first pod that has them all.
        """
        if name in self._endpoints:
            identity = self.identities.get(name) or 0
            return Party(
                name, identity, self.endpoint_policies.get(name), self._selecting.get(name) or ()
            )
        for number, reserved in RESERVED.items():
            if name == reserved:
                return Party(name, number)
        return self._labelled_party(name) if "=" in name else self._address_party(name)

    def _labelled_party(self, text: str) -> Party | None:
        pairs = {tuple(pair.split("=", 1)) for pair in text.split(",")}
        for name, pod in sorted(self._endpoints.items()):
            if pairs <= set(pod.labels):
                return self.party(name)
        return None

    def _address_party(self, text: str) -> Party | None:
        try:
            address = ip_address(text)
        except ValueError:
            return None
        for name, pod in self._endpoints.items():
            if pod.address == str(address):
                return self.party(name)
        blocks = [ip_network(cidr) for cidr in self.cidr_identities]
        holding = [block for block in blocks if address in block]
        if not holding:
            return Party(text, IDENTITY_WORLD)
        narrowest = max(holding, key=lambda block: block.prefixlen)
        return Party(text, self.cidr_identities.get(str(narrowest)) or IDENTITY_WORLD)

    def knowledge(self) -> Knowledge:
        """Return what :func:`lockgate.policy.trace.trace` needs to know."""

        def peer_identities(peers: Peers) -> frozenset[int]:
            found = [self._selections.table.get(peer) for peer in peers_of(peers)]
            return frozenset().union(*filter(None, found))

        def named_ports(party: Party) -> NamedPorts:
            def find(direction: Direction, name: str) -> list[NamedPort]:
                pod = self._endpoints.get(party.name)
                if direction == "ingress" and pod is not None:
                    return _own_port(pod, name)
                return _peer_ports(name, self._endpoints.items(), self.identities.get)

            return find

        return Knowledge(dict(self.rule_sets.items()), peer_identities, named_ports)

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
                return _own_port(pod, name)
            rows = fetch.group(self._by_port_name, name)
            return _peer_ports(name, rows, lambda row: fetch.get(self.identities, row))

        policies = fetch.get(self._selecting, key) or ()
        identity = fetch.get(self.identities, key) or 0
        return resolve(key, identity, policies, peer_identities, named_ports)

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


def _own_port(pod: Pod, name: str) -> list[NamedPort]:
    own = pod.named_ports().get(name)
    return [] if own is None else [NamedPort(*own)]


def _peer_ports(
    name: str, pods: Iterable[tuple[str, Pod]], identity_of: Callable[[str], int | None]
) -> list[NamedPort]:
    """Return the numbers a port's name stands for, each with the identities that have it."""
    holders: dict[tuple[int, str], set[int]] = {}
    for key, pod in pods:
        port, identity = pod.named_ports().get(name), identity_of(key)
        if port is not None and identity is not None:
            holders.setdefault(port, set()).add(identity)
    return [NamedPort(*port, frozenset(who)) for port, who in sorted(holders.items())]


def engine_over(
    namespaces: Iterable[Namespace], pods: Iterable[Pod], policies: Iterable[Policy]
) -> PolicyEngine:
    """Return an engine that has computed everything, with every pod as if it were here."""
    spaces: Table[str, Namespace] = Table("namespaces")
    endpoints: Table[str, Pod] = Table("endpoints")
    rules: Table[PolicyKey, Policy] = Table("policies")
    spaces.replace({row.name: row for row in namespaces})
    endpoints.replace({row.ref.path: row for row in pods})
    rules.replace({(row.ref, row.index): row for row in policies})
    graph = Graph()
    engine = PolicyEngine(graph, spaces, endpoints, rules, local=endpoints)
    graph.tick()
    engine.tick()
    return engine


def answer(engine: PolicyEngine, source: str, destination: str, question: Question) -> Trace:
    """Judge a connection between two ends given by name.

    Raises: LookupError: there is no end of that name.
    """
    ends = _known(engine, source), _known(engine, destination)
    return trace(*ends, question, engine.knowledge())


def _known(engine: PolicyEngine, name: str) -> Party:
    found = engine.party(name)
    if found is None:
        msg = f"{name!r} is no pod, reserved identity, address or set of labels known here"
        raise LookupError(msg)
    return found
