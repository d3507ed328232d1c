"""The engine, fed with manifests: once with all of them, or as they come and go."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from lockgate.ir.node import EndpointPolicy
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Direction, Policy
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.engine import PolicyEngine, answer, engine_over
from lockgate.policy.requests import HttpRequest
from lockgate.policy.resolve import lookup
from lockgate.policy.trace import NUMBERS, Party, Question, matrix
from lockgate.sources.parse import parse
from lockgate.state import Graph, Table
from tests.property.policy.naive import Doc, Request

Port = tuple[int, str]
Matrix = dict[str, dict[str, dict[str, Any]]]


def read(document: Doc) -> list[Namespace | Pod | Policy]:
    """Read one manifest, which must be one that is accepted."""
    _, rows, problems = parse(document)
    assert not problems, (document, problems)
    found = [row for row in rows if isinstance(row, Namespace | Pod | Policy)]
    assert len(found) == len(rows)
    return found


def is_refused(document: Doc) -> bool:
    """Say whether a manifest is not accepted."""
    return bool(parse(document)[2])


def from_scratch(documents: Iterable[Doc]) -> PolicyEngine:
    """Return an engine that computed everything at once."""
    rows = [row for document in documents for row in read(document)]
    return engine_over(
        [row for row in rows if isinstance(row, Namespace)],
        [row for row in rows if isinstance(row, Pod)],
        [row for row in rows if isinstance(row, Policy)],
    )


class Follower:
    """An engine over tables that change row by row.

    Args:
        is_local: whether the pod of this ``namespace/name`` is on the engine's node.
    """

    def __init__(self, is_local: Callable[[str], bool] = lambda _name: True) -> None:
        self._is_local = is_local
        self._graph = Graph()
        self._spaces: Table[str, Namespace] = Table("namespaces")
        self._pods: Table[str, Pod] = Table("endpoints")
        self._local: Table[str, Pod] = Table("local endpoints")
        self._policies: Table[tuple[ObjectRef, int], Policy] = Table("policies")
        self.engine = PolicyEngine(
            self._graph, self._spaces, self._pods, self._policies, local=self._local
        )

    def take(self, old: Doc | None, new: Doc | None) -> None:
        """Replace an object by another of its name; None is no object."""
        fresh = read(new) if new else []
        kept = {self._key(row) for row in fresh}
        for row in read(old) if old else []:
            if self._key(row) not in kept:
                for table in self._tables(row):
                    table.delete(self._key(row))
        for row in fresh:
            for table in self._tables(row):
                table.put(self._key(row), row)

    def tick(self) -> None:
        """Let the engine see what changed."""
        self._graph.tick()
        self.engine.tick()

    def _tables(self, row: Namespace | Pod | Policy) -> list[Table[Any, Any]]:
        match row:
            case Namespace():
                return [self._spaces]
            case Pod() if self._is_local(row.ref.path):
                return [self._pods, self._local]
            case Pod():
                return [self._pods]
            case Policy():
                return [self._policies]

    def _key(self, row: Namespace | Pod | Policy) -> Any:
        match row:
            case Namespace():
                return row.name
            case Pod():
                return row.ref.path
            case Policy():
                return (row.ref, row.index)


def table_of(engine: PolicyEngine, names: Sequence[str], ports: Sequence[Port]) -> Matrix:
    """Return the outcome for every ordered pair and port."""
    return dict(matrix([party(engine, name) for name in names], ports))


def party(engine: PolicyEngine, name: str) -> Party:
    found = engine.party(name)
    assert found is not None, name
    return found


def answers(engine: PolicyEngine, source: str, destination: str, port: Port, ask: Request) -> bool:
    """Say whether the engine lets a request through."""
    request = HttpRequest(ask.method, ask.path, ask.host, ask.headers)
    outcome = answer(engine, source, destination, Question(*port, request)).outcome
    assert outcome != "l7"
    return outcome == "allow"


def identities(engine: PolicyEngine) -> dict[Hashable, int]:
    """Return the number of every identity by what it stands for, which no numbering changes."""
    known: dict[Hashable, int] = dict(engine.cidr_identities.items())
    known.update({labels: number for number, labels in engine.identity_labels.items()})
    return known


def edges(policy: EndpointPolicy) -> set[int]:
    """Return ports at and beside both ends of each of a policy's entries."""
    found = {0, 65535}
    for entry in policy.entries:
        first, last = entry.port, entry.port + (1 << (16 - entry.port_bits)) - 1
        found |= {first - 1, first, last, last + 1}
    return {port for port in found if 0 <= port <= 65535}


def decided(
    engine: PolicyEngine, policy: EndpointPolicy, identity: int, ports: Iterable[int]
) -> list[Any]:
    """Return what is decided for an identity in both directions: verdicts, and L7 rules."""
    directions: tuple[tuple[Direction, bool], ...] = (
        ("ingress", policy.ingress_enforced),
        ("egress", policy.egress_enforced),
    )
    found: list[Any] = []
    for port in ports:
        for direction, enforced in directions:
            for protocol in NUMBERS.values():
                entry = lookup(policy, direction, identity, protocol, port)
                verdict = entry.verdict if entry else "deny" if enforced else "allow"
                rules = engine.rule_sets.get(entry.rule_set) if entry else None
                found.append((direction, protocol, port, verdict, rules))
    return found
