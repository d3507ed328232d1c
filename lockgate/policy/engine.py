"""The policy engine: from endpoints, namespaces and policies to what nodes enforce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy
from lockgate.ir.proxy import RuleSet
from lockgate.model.meta import Labels, ObjectRef, Problem
from lockgate.model.policy import CidrBlock, CidrGroup, Direction, Policy
from lockgate.model.service import EndpointSlice, Service
from lockgate.model.workload import Namespace, Node, Pod
from lockgate.policy.clauses import NumberedPort
from lockgate.policy.declared import Expansion
from lockgate.policy.identities import Identities
from lockgate.policy.identity import RESERVED, identity_labels
from lockgate.policy.matching import Matching
from lockgate.policy.node_policies import HOST, NodePolicies
from lockgate.policy.port_names import NameChange, PortHolders
from lockgate.policy.problems import conflicts, unserved
from lockgate.policy.resolve import Entries, Row
from lockgate.policy.rule_set_uses import RuleSetUses
from lockgate.policy.selections import Peer, Selections, peers_of
from lockgate.policy.trace import Knowledge, Party, Question, Trace, trace
from lockgate.state import Fetch, Graph, Table

PolicyKey = tuple[ObjectRef, int]
_WORLDS = {"world-ipv4": 4, "world-ipv6": 6}
EnforcementMode = Literal["default", "always", "never"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What policies may refer to beside pods; all may be empty."""

    groups: Table[str, CidrGroup] = field(default_factory=lambda: Table("CIDR groups"))
    services: Table[tuple[str, str], Service] = field(default_factory=lambda: Table("services"))
    slices: Table[tuple[str, str], tuple[EndpointSlice, ...]] = field(
        default_factory=lambda: Table("slices")
    )
    nodes: Table[str, Node] = field(default_factory=lambda: Table("nodes"))
    learnt: Table[str, tuple[str, ...]] = field(default_factory=lambda: Table("learnt names"))
    """Addresses by DNS name, as answers that passed the proxy said."""


class PolicyEngine:
    """Tables of identities and endpoint policies that follow the declared ones.

    Identities come from ``endpoints``, all pods with an address; only those in ``local`` are
    resolved. A changed policy is decided anew at the endpoints it selects, a new identity at
    those whose policies name a peer that selects it, and only for that identity.
    """

    def __init__(  # noqa: PLR0913  # one argument an input
        self,
        graph: Graph,
        namespaces: Table[str, Namespace],
        endpoints: Table[str, Pod],
        policies: Table[PolicyKey, Policy],
        *,
        local: Table[str, Pod],
        surroundings: Surroundings | None = None,
        restored: Mapping[str, Any] | None = None,
        mode: EnforcementMode = "default",
        audit: bool = False,
        grace_s: float = 0.0,
        node_name: str = "",
    ) -> None:
        around = surroundings or Surroundings()
        self.audited: Table[str, bool] = Table("audited endpoints")
        self.endpoint_policies: Table[str, EndpointPolicy] = Table("endpoint policies")
        self.resolutions = 0
        """Rows decided so far; the measure of work that tests and benchmarks count."""
        self._selections = Selections()
        self._known_identities = Identities(self._selections, restored, grace_s)
        self.identities = self._known_identities.by_endpoint
        self.identity_labels = self._known_identities.labels
        self.cidr_identities = self._known_identities.by_cidr
        self._uses = RuleSetUses()
        self.rule_sets: Table[str, RuleSet] = self._uses.table
        self._endpoints, self._local, self._namespaces = endpoints, local, namespaces
        self._learnt, self._nodes = around.learnt, around.nodes
        self._mode, self._audit, self._node_name = mode, audit, node_name
        self.labels: Table[str, Labels] = graph.derive(
            "endpoint labels", endpoints, self._label, (namespaces,)
        ).output
        """What selectors see of each endpoint."""
        self._policies = Expansion(graph, policies, around.groups, around.services, around.slices)
        self._subjects: Matching[PolicyKey, str] = Matching()
        self._of_node = NodePolicies()
        self._entries: dict[str, Entries] = {}
        self._peers: dict[str, set[Peer]] = {}
        self._users: dict[Peer, set[str]] = {}
        self._holders = PortHolders()
        self._name_users: dict[str, set[str]] = {}
        self._conflicts: dict[str, tuple[Problem, ...]] = {}
        self._unserved: dict[PolicyKey, tuple[Problem, ...]] = {}
        self._seen: dict[str, int] = {}
        self._refreshed: set[str] = set()

    def tick(self, now: float = 0.0) -> None:
        """Bring every table up to date; call it after the graph's own tick.

        ``now`` is in seconds of the clock by which identities stay for a grace period.
        """
        changed = self._changes(self.labels) | self._changes(self._endpoints)
        moved = self._note_endpoints(changed)
        self._note_names(now)
        stale = self._note_subjects(changed | self._changes(self._local)) | self._note_host()
        renamed = self._renumber(moved, now)
        stale |= renamed
        dropped = self._use_peers(stale)
        # Blocks that came into use may have split identities.
        stale |= self._renumber(self._known_identities.take_split(), now)
        for endpoint in sorted(stale):
            self._decide_anew(endpoint)
        self._decide_touched()
        self._drop_peers(dropped, now)
        for endpoint in self._renumber(self._known_identities.take_split(), now):
            self._decide_anew(endpoint)
            stale.add(endpoint)
        self._known_identities.expire(now)
        self._decide_touched()
        self._publish(stale | self._refreshed | self._changes(self.audited))
        self._refreshed.clear()

    def party(self, name: str) -> Party | None:
        """Return an end of a connection by name, or None if there is none of that name.

        Args:
            name: ``namespace/pod``, a reserved identity such as ``world``, ``world-ipv4`` or
                ``world-ipv6``, an address, a DNS name that was learnt, or labels such as
                ``app=web,tier=front``, which stand for the first pod that has them all.
        """
        if name in self._endpoints:
            entries = self._entries.get(name)
            return Party(
                name,
                self.identities.get(name) or 0,
                self.endpoint_policies.get(name),
                entries.policies if entries else (),
            )
        for number, reserved in RESERVED.items():
            if name == reserved:
                policies = self._policies_of(HOST) if name == HOST else ()
                return Party(name, number, self.endpoint_policies.get(name), policies)
        if name in _WORLDS:
            return Party(name, self._known_identities.of_world(_WORLDS[name]))
        if "=" in name:
            return self._labelled_party(name)
        learnt = self._learnt.get(name.rstrip(".").lower())
        return self._address_party(learnt[0] if learnt else name)

    def knowledge(self) -> Knowledge:
        """Return what :func:`lockgate.policy.trace.trace` needs to know."""
        return Knowledge(
            dict(self.rule_sets.items()),
            self._selections.select,
            lambda name: _ports(self._endpoints.get(name)),
            self._holders,
        )

    @property
    def expanded(self) -> Table[PolicyKey, Policy]:
        """The policies, with everything they refer to filled in."""
        return self._policies.table

    @property
    def rule_set_uses(self) -> int:
        """A number that changes when a rule set comes into or goes out of use in a direction."""
        return self._uses.revision

    def rule_set_names(self, direction: Direction) -> set[str]:
        """Return the rule sets that entries of one direction name."""
        return self._uses.names(direction)

    def selected(self, key: PolicyKey) -> list[str]:
        """Return the local endpoints a policy selects, sorted."""
        if self._of_node.holds(key):
            return [HOST]
        return sorted(self._subjects.selected(key)) if self._subjects.knows(key) else []

    def problems(self) -> list[Problem]:
        """Return what of the policies is not served, and where they contradict each other."""
        found = [*self._unserved.values(), *self._conflicts.values()]
        return sorted({problem for problems in found for problem in problems})

    def recomputed(self) -> dict[str, int]:
        """Return how much was decided so far."""
        return {"endpoint policies": self.resolutions}

    def state(self) -> dict[str, Any]:
        """Return what the next agent must be given to number identities alike."""
        return self._known_identities.state()

    def _labelled_party(self, text: str) -> Party | None:
        pairs = {tuple(pair.split("=", 1)) for pair in text.split(",")}
        for name, pod in sorted(self._endpoints.items()):
            if pairs <= set(pod.labels):
                return self.party(name)
        return None

    def _address_party(self, text: str) -> Party | None:
        try:
            address = str(ip_address(text))
        except ValueError:
            return None
        for name, pod in self._endpoints.items():
            if address in pod.addresses:
                return self.party(name)
        return Party(text, self._known_identities.of_address(address))

    def _label(self, _key: str, pod: Pod, fetch: Fetch) -> Labels:
        return identity_labels(pod, fetch.get(self._namespaces, pod.namespace))

    def _changes(self, table: Table[Any, Any]) -> set[Any]:
        """Return the keys of a table that changed since the last call for it."""
        changed = table.changes(self._seen.get(table.name, 0))
        self._seen[table.name] = table.revision
        return changed

    def _note_endpoints(self, changed: Iterable[str]) -> set[str]:
        """Take in pods; return those whose identity may have changed."""
        moved: set[str] = set()
        for key in changed:
            pod = self._endpoints.get(key)
            addresses = pod.addresses if pod else ()
            moved |= self._known_identities.set_pod(key, self.labels.get(key), addresses)
            # Its named ports may be others, though its identity is not.
            moved.add(key)
        return moved

    def _note_names(self, now: float) -> None:
        for name in sorted(self._changes(self._learnt)):
            self._known_identities.set_name(name, self._learnt.get(name) or (), now)
        for name in sorted(self._changes(self._nodes)):
            self._known_identities.set_node(name, self._nodes.get(name), now)

    def _note_subjects(self, endpoints: Iterable[str]) -> set[str]:
        """Hold policies and endpoints against each other; return endpoints to decide anew."""
        stale: set[str] = set()
        for endpoint in endpoints:
            here = endpoint in self._local
            gained, lost = self._subjects.set_member(
                endpoint, self.labels.get(endpoint) if here else None
            )
            if gained or lost or here != (endpoint in self._entries):
                stale.add(endpoint)
        for key in self._changes(self._policies.table):
            if self._subjects.knows(key):
                stale |= self._subjects.remove_selector(key)
            self._unserved.pop(key, None)
            policy = self._policies.table.get(key)
            if policy is not None and policy.subject_kind == "endpoint":
                stale |= self._subjects.add_selector(key, policy.subject)
            self._of_node.note(key, policy)
            if policy is not None:
                self._unserved[key] = unserved(policy)
        return stale

    def _note_host(self) -> set[str]:
        """Return this node if other policies hold at it now.

        It counts as an endpoint only while a policy selects it.
        """
        row = self._nodes.get(self._node_name)
        self._of_node.set_labels(row.labels if row is not None else ())
        return {HOST} if self._of_node.take_changed() else set()

    def _is_here(self, endpoint: str) -> bool:
        if endpoint == HOST:
            return bool(self._of_node.keys())
        return endpoint in self._local

    def _renumber(self, endpoints: Iterable[str], now: float) -> set[str]:
        """Number identities anew; return endpoints whose own policy must be decided anew."""
        stale: set[str] = set()
        for key in sorted(endpoints):
            before = self.identities.get(key)
            self._known_identities.number(key, now)
            number, pod = self.identities.get(key), self._endpoints.get(key)
            ports = _ports(pod) if number is not None else {}
            renamed = ports != self._holders.ports(key)
            stale |= self._note_ports(self._holders.set_pod(key, number or 0, ports))
            if key in self._local and (before != number or renamed):
                stale.add(key)
        return stale

    def _note_ports(self, changes: list[NameChange]) -> set[str]:
        stale: set[str] = set()
        for change in changes:
            users = self._name_users.get(change.name, set())
            if change.renumbered:
                stale |= users
            # Who lost the name is no longer among its holders, so nobody else would come by.
            for endpoint in users:
                self._refresh(endpoint, {change.identity})
        return stale

    def _use_peers(self, stale: Iterable[str]) -> list[Peer]:
        """Keep selections of what these endpoints' policies name; return what none names now."""
        dropped: list[Peer] = []
        for endpoint in sorted(stale):
            wanted = {peer for policy in self._policies_of(endpoint) for peer in _peers(policy)}
            held = self._peers.get(endpoint, set())
            # In an order of their own, for blocks are numbered as they come.
            for peer in sorted(wanted - held, key=repr):
                self._use(peer, endpoint)
            dropped += held - wanted
            for peer in held - wanted:
                self._users[peer].discard(endpoint)
            self._peers[endpoint] = wanted
        return dropped

    def _use(self, peer: Peer, endpoint: str) -> None:
        # One that the tick has yet to drop is still in use.
        if peer not in self._users:
            if isinstance(peer, CidrBlock):
                self._known_identities.use_block(peer)
            self._selections.use([peer])
            self._users[peer] = set()
        self._users[peer].add(endpoint)

    def _drop_peers(self, peers: Iterable[Peer], now: float) -> None:
        for peer in peers:
            if peer in self._users and not self._users[peer]:
                del self._users[peer]
                self._selections.drop([peer])
                if isinstance(peer, CidrBlock):
                    self._known_identities.drop_block(peer, now)

    def _decide_touched(self) -> None:
        """Decide anew for the identities that peers gained or lost, where they are named."""
        touched: dict[str, set[int]] = {}
        for peer, identities in self._selections.take_changes().items():
            for endpoint in self._users.get(peer, ()):
                touched.setdefault(endpoint, set()).update(identities)
        for endpoint, identities in touched.items():
            self._refresh(endpoint, identities)

    def _policies_of(self, endpoint: str) -> tuple[Policy, ...]:
        if not self._is_here(endpoint) or self._mode == "never":
            return ()
        of_node = self._of_node.keys()
        keys = sorted(of_node if endpoint == HOST else self._subjects.selecting(endpoint))
        return tuple(self._policies.row(key) for key in keys)

    def _decide_anew(self, endpoint: str) -> None:
        if not self._is_here(endpoint):
            self._forget(endpoint)
            return
        entries = self._entries.get(endpoint)
        if entries is None:
            selected, held = self._selections.get, self._holders.identities
            entries = Entries(endpoint, selected, held, self._use_rule_sets)
            self._entries[endpoint] = entries
        policies = self._policies_of(endpoint)
        self._set_name_users(endpoint, entries.port_names(), add=False)
        names = _PortsAt(_ports(self._endpoints.get(endpoint)), self._holders)
        # A mode that closes every pod does not close the node.
        entries.set_policies(policies, names, "default" if endpoint == HOST else self._mode)
        self._set_name_users(endpoint, entries.port_names(), add=True)
        self._conflicts[endpoint] = conflicts(policies)

    def _refresh(self, endpoint: str, identities: set[int]) -> None:
        entries = self._entries.get(endpoint)
        if entries is not None:
            entries.refresh(identities - {node.ANY_IDENTITY})
            self._refreshed.add(endpoint)

    def _set_name_users(self, endpoint: str, names: Iterable[str], *, add: bool) -> None:
        for name in names:
            users = self._name_users.setdefault(name, set())
            (users.add if add else users.discard)(endpoint)

    def _use_rule_sets(
        self, direction: Direction, before: Row, sets: Mapping[str, RuleSet]
    ) -> None:
        self.resolutions += 1
        self._uses.use(direction, before, sets)

    def _forget(self, endpoint: str) -> None:
        entries = self._entries.pop(endpoint, None)
        if entries is not None:
            self._set_name_users(endpoint, entries.port_names(), add=False)
            entries.clear()
        self._peers.pop(endpoint, None)
        self._conflicts.pop(endpoint, None)
        self.endpoint_policies.delete(endpoint)

    def _publish(self, endpoints: Iterable[str]) -> None:
        for endpoint in sorted(endpoints):
            entries = self._entries.get(endpoint)
            if entries is not None:
                identity = self.identities.get(endpoint) or 0
                if endpoint == HOST:
                    identity = node.IDENTITY_HOST
                audit = self._audit or bool(self.audited.get(endpoint))
                self.endpoint_policies.put(endpoint, entries.view(identity, audit=audit))


@dataclass(frozen=True, slots=True)
class _PortsAt:
    """What the names of ports stand for at one endpoint."""

    mine: Mapping[str, NumberedPort]
    holders: PortHolders

    def own(self, name: str) -> NumberedPort | None:
        return self.mine.get(name)

    def of_peers(self, name: str) -> Iterable[NumberedPort]:
        return self.holders.numbers(name)


def _ports(pod: Pod | None) -> Mapping[str, NumberedPort]:
    return pod.named_ports() if pod else {}


def _peers(policy: Policy) -> Iterable[Peer]:
    for rule in policy.rules:
        if rule.peers is not None:
            yield from peers_of(rule.peers)
    yield "host"


def engine_over(
    namespaces: Iterable[Namespace],
    pods: Iterable[Pod],
    policies: Iterable[Policy],
    surroundings: Surroundings | None = None,
    mode: EnforcementMode = "default",
) -> PolicyEngine:
    """Return an engine that has computed everything, with every pod as if it were here."""
    spaces: Table[str, Namespace] = Table("namespaces")
    endpoints: Table[str, Pod] = Table("endpoints")
    rules: Table[PolicyKey, Policy] = Table("policies")
    spaces.replace({row.name: row for row in namespaces})
    endpoints.replace({row.ref.path: row for row in pods})
    rules.replace({(row.ref, row.index): row for row in policies})
    graph = Graph()
    engine = PolicyEngine(
        graph, spaces, endpoints, rules, local=endpoints, surroundings=surroundings, mode=mode
    )
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
