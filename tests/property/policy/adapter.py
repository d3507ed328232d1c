"""The engine, fed with manifests: once with all of them, or as they come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.model.workload import Namespace, Pod
from lockgate.policy.engine import PolicyEngine, answer, engine_over
from lockgate.policy.requests import HttpRequest
from lockgate.policy.trace import Party, Question, matrix
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


def from_scratch(documents: Iterable[Doc]) -> PolicyEngine:
    """Return an engine that computed everything at once."""
    rows = [row for document in documents for row in read(document)]
    return engine_over(
        [row for row in rows if isinstance(row, Namespace)],
        [row for row in rows if isinstance(row, Pod)],
        [row for row in rows if isinstance(row, Policy)],
    )


class Follower:
    """An engine over tables that change row by row."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._spaces: Table[str, Namespace] = Table("namespaces")
        self._pods: Table[str, Pod] = Table("endpoints")
        self._policies: Table[tuple[ObjectRef, int], Policy] = Table("policies")
        self.engine = PolicyEngine(
            self._graph, self._spaces, self._pods, self._policies, local=self._pods
        )

    def take(self, old: Doc | None, new: Doc | None) -> None:
        """Replace an object by another of its name; None is no object."""
        fresh = read(new) if new else []
        kept = {self._key(row) for row in fresh}
        for row in read(old) if old else []:
            if self._key(row) not in kept:
                self._table(row).delete(self._key(row))
        for row in fresh:
            self._table(row).put(self._key(row), row)

    def tick(self) -> None:
        """Let the engine see what changed."""
        self._graph.tick()
        self.engine.tick()

    def _table(self, row: Namespace | Pod | Policy) -> Table[Any, Any]:
        match row:
            case Namespace():
                return self._spaces
            case Pod():
                return self._pods
            case Policy():
                return self._policies

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
