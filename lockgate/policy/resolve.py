"""One endpoint's policy, kept up to date: what a change touches is decided again, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from lockgate.ir import node
from lockgate.ir.node import EndpointPolicy, PolicyEntry, RowKey, Verdict
from lockgate.ir.proxy import RuleSet
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import CidrBlock, Direction, Peers, Policy, PolicyRule
from lockgate.model.selector import LabelSelector
from lockgate.policy.clauses import (
    ALL_BITS,
    EVERYTHING,
    Clause,
    Holding,
    PortNames,
    Ports,
    clauses_of,
)
from lockgate.policy.decisions import ALLOW, DENY, Decision, Decisions, decide, minimal, specific
from lockgate.policy.selections import Peer
from lockgate.state import Table

DIRECTIONS: tuple[Direction, ...] = ("ingress", "egress")
Row = tuple[PolicyEntry, ...]


class Entries:
    """The decided rows of one endpoint.

    Args:
        endpoint: ``namespace/name``.
        selected: the identities that a peer selects.
        holders: the identities of the peers that hold a named port.
        use_rule_sets: told of the rule sets that a row names instead of others, so that they can
            be counted: direction, those no longer named, those named now.
    """

    def __init__(
        self,
        endpoint: str,
        selected: Callable[[Peer], AbstractSet[int]],
        holders: Callable[[Holding], AbstractSet[int]],
        use_rule_sets: Callable[[Direction, Row, Mapping[str, RuleSet]], None],
    ) -> None:
        self.rows: Table[RowKey, Row] = Table("policy entries")
        self._endpoint = endpoint
        self._selected = selected
        self._holders = holders
        self._use_rule_sets = use_rule_sets
        self._policies: tuple[Policy, ...] = ()
        self._clauses: dict[Direction, list[Clause]] = {"ingress": [], "egress": []}
        self._wildcard: dict[Direction, tuple[int, ...]] = {"ingress": (), "egress": ()}
        self._general: dict[Direction, Decisions] = {"ingress": {}, "egress": {}}
        self._enforced: dict[Direction, bool] = {"ingress": False, "egress": False}
        self._decided: dict[tuple[Direction, tuple[int, ...]], Decisions] = {}

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that select the endpoint."""
        return self._policies

    def peers(self) -> set[Peer]:
        """Return every peer whose identities matter here."""
        return {
            peer
            for direction in DIRECTIONS
            for clause in self._clauses[direction]
            for peer in clause.peers or ()
        }

    def port_names(self) -> set[str]:
        """Return the names of peers' ports that matter here."""
        return {
            str(port.port)
            for policy in self._policies
            for rule in policy.rules
            if rule.direction == "egress"
            for port in rule.ports
            if isinstance(port.port, str)
        }

    def view(self, identity: int, *, audit: bool = False) -> EndpointPolicy:
        """Return the policy as it stands."""
        return EndpointPolicy(
            self._endpoint,
            identity,
            self._enforced["ingress"],
            self._enforced["egress"],
            self.rows,
            self.rows.revision,
            audit,
        )

    def set_policies(self, policies: tuple[Policy, ...], names: PortNames, mode: str) -> None:
        """Decide anew under these policies, for the identities whose clauses changed."""
        before = {direction: self._clauses[direction] for direction in DIRECTIONS}
        self._policies = policies
        self._decided.clear()
        for direction in DIRECTIONS:
            clauses = clauses_of(direction, policies, names)
            if direction == "ingress":
                clauses.append(FROM_HOST)
            old = before[direction]
            self._clauses[direction] = clauses
            if self._set_general(direction, old, enforced=is_enforced(direction, policies, mode)):
                touched = self._identities(clauses) | self._present(direction)
            else:
                touched = self._identities(_differing(old, clauses))
            for identity in touched:
                self._decide(direction, identity)

    def refresh(self, identities: Iterable[int]) -> None:
        """Decide anew for identities that peers gained or lost."""
        for identity in identities:
            for direction in DIRECTIONS:
                self._decide(direction, identity)

    def clear(self) -> None:
        """Let go of every row."""
        for key in list(self.rows):
            self._put(key, (), {})

    def _set_general(self, direction: Direction, old: list[Clause], *, enforced: bool) -> bool:
        """Write the row of identity 0; return whether others must be held against it anew."""
        clauses = self._clauses[direction]
        wild = tuple(number for number, clause in enumerate(clauses) if clause.is_for_everybody)
        wildcard = [clauses[number] for number in wild]
        general = decide(wildcard, enforced=enforced)
        changed = enforced != self._enforced[direction] or bool(
            _differing([old[number] for number in self._wildcard[direction]], wildcard)
        )
        self._general[direction], self._enforced[direction] = general, enforced
        self._wildcard[direction] = wild
        self._write(direction, node.ANY_IDENTITY, minimal(general, _default(enforced)))
        return changed

    def _identities(self, clauses: Iterable[Clause]) -> set[int]:
        found: set[int] = set()
        for clause in clauses:
            if clause.peers is not None:
                found.update(*(self._selected(peer) for peer in clause.peers))
            elif clause.holding is not None:
                found |= self._holders(clause.holding)
            if is_screened(clause):
                found.add(node.IDENTITY_INGRESS)
        found.discard(node.ANY_IDENTITY)
        return found

    def _present(self, direction: Direction) -> set[int]:
        return {who for way, who in self.rows if way == direction} - {node.ANY_IDENTITY}

    def _decide(self, direction: Direction, identity: int) -> None:
        clauses = self._clauses[direction]
        about = tuple(
            number for number, clause in enumerate(clauses) if self._is_about(clause, identity)
        )
        if about == self._wildcard[direction]:
            self._put((direction, identity), (), {})
            return
        decided = self._decided.get((direction, about))
        if decided is None:
            enforced = self._enforced[direction]
            table = decide([clauses[number] for number in about], enforced=enforced)
            decided = specific(table, self._general[direction], _default(enforced))
            self._decided[direction, about] = decided
        self._write(direction, identity, decided)

    def _is_about(self, clause: Clause, identity: int) -> bool:
        if clause.holding is not None and identity not in self._holders(clause.holding):
            return False
        if identity == node.IDENTITY_INGRESS and is_screened(clause):
            return True
        return clause.peers is None or any(
            identity in self._selected(peer) for peer in clause.peers
        )

    def _write(self, direction: Direction, identity: int, decisions: Decisions) -> None:
        sets = {one.rule_set.name: one.rule_set for one in decisions.values() if one.rule_set}
        row = tuple(
            sorted(_entry(direction, identity, ports, what) for ports, what in decisions.items())
        )
        self._put((direction, identity), row, sets)

    def _put(self, key: RowKey, row: Row, sets: Mapping[str, RuleSet]) -> None:
        before = self.rows.get(key) or ()
        if row == before:
            return
        self._use_rule_sets(key[0], before, sets)
        if row:
            self.rows.put(key, row)
        else:
            self.rows.delete(key)


def lookup(
    policy: EndpointPolicy, direction: Direction, identity: int, protocol: int, port: int
) -> PolicyEntry | None:
    """Return the entry that decides, found as the kernel finds it; None if no entry matches."""
    wanted = Ports(protocol, port, ALL_BITS)
    for peer in (identity, node.ANY_IDENTITY):
        matching = [
            entry
            for entry in policy.rows.get((direction, peer)) or ()
            if Ports(entry.protocol, entry.port, entry.port_bits).covers(wanted)
        ]
        if matching:
            return max(matching, key=lambda entry: (entry.protocol != 0, entry.port_bits))
    return None


def verdict(
    policy: EndpointPolicy, direction: Direction, identity: int, protocol: int, port: int
) -> Verdict:
    """Return what the kernel does with a new connection."""
    entry = lookup(policy, direction, identity, protocol, port)
    if entry is not None:
        return entry.verdict
    enforced = policy.ingress_enforced if direction == "ingress" else policy.egress_enforced
    return "deny" if enforced else "allow"


def is_screened(clause: Clause) -> bool:
    """Say whether a rule allows clients by address, so that some may come through the Ingress.

    The Ingress knows which, see :mod:`lockgate.policy.clients`; the kernel must let it pass.
    """
    rule = clause.rule
    if rule.direction != "ingress" or rule.action != "allow":
        return False
    return any(isinstance(peer, CidrBlock) or peer == "world" for peer in clause.peers or ())


def is_enforced(direction: Direction, policies: Iterable[Policy], mode: str) -> bool:
    """Say whether traffic without a matching rule is dropped."""
    if mode != "default":
        return mode == "always"
    if direction == "ingress":
        return any(policy.deny_ingress for policy in policies)
    return any(policy.deny_egress for policy in policies)


def _differing(old: Iterable[Clause], new: Iterable[Clause]) -> list[Clause]:
    """Return the clauses that are in one of both only; a rule that stays is the same object."""
    before = {(id(clause.rule), clause.ports, clause.holding): clause for clause in old}
    after = {(id(clause.rule), clause.ports, clause.holding): clause for clause in new}
    return [{**before, **after}[key] for key in before.keys() ^ after.keys()]


def _default(enforced: bool) -> Decision:  # its one argument
    return DENY if enforced else ALLOW


def _from_host() -> Clause:
    rule = PolicyRule("ingress", "allow", Peers(entities=("host",)), (), None, "")
    policy = Policy(ObjectRef("Node", "", ""), LabelSelector(), False, False, (rule,))
    return Clause(("host",), frozenset({EVERYTHING}), rule, policy, past_proxy=True)


# The node probes its pods, whatever their policies leave out; as in the reference.
FROM_HOST = _from_host()


def _entry(direction: Direction, identity: int, ports: Ports, decision: Decision) -> PolicyEntry:
    name = decision.rule_set.name if decision.rule_set else ""
    return PolicyEntry(
        direction, identity, ports.protocol, ports.port, ports.bits, decision.verdict, name
    )
