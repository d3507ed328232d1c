"""Any sequence of changes gives what a full recomputation gives, for the touched rows' work."""

from hypothesis import given
from hypothesis import strategies as st

from lockgate.state import Derivation, Fetch, Graph, Index, Table

KEYS = st.integers(0, 4)
VALUES = st.one_of(st.none(), st.integers(0, 3))
CHANGES = st.lists(st.tuples(st.sampled_from("ab"), KEYS, VALUES), max_size=6)
TICKS = st.lists(CHANGES, max_size=8)


class Small:
    """Two tables; a row of ``a`` reads the row of ``b`` it points to, and its group in ``b``."""

    def __init__(self) -> None:
        self.tables: dict[str, Table[int, int]] = {"a": Table("a"), "b": Table("b")}
        a, b = self.tables["a"], self.tables["b"]
        self.by_value: Index[int, int, int] = Index(b, lambda _key, value: [value])
        self.graph = Graph()
        self.plain = self.graph.derive("plain", a, lambda _key, row, _fetch: row * 10 or None)
        self.joined = self.graph.derive("joined", a, self.join, (b, self.by_value))
        self.summed = self.graph.derive(
            "summed", self.joined.output, self.sum, (self.plain.output,)
        )

    def join(self, _key: int, row: int, fetch: Fetch) -> tuple[int | None, tuple[int, ...]] | None:
        # What is read depends on what was read, and row 3 has no output at all.
        target = fetch.get(self.tables["b"], row)
        members = fetch.group(self.by_value, target) if target else []
        return None if row == 3 else (target, tuple(sorted(key for key, _ in members)))

    def sum(self, key: int, row: tuple[int | None, tuple[int, ...]], fetch: Fetch) -> int:
        return (fetch.get(self.plain.output, key) or 0) + len(row[1])

    @property
    def derivations(self) -> tuple[Derivation[int, int, object], ...]:
        return (self.plain, self.joined, self.summed)  # type: ignore[return-value]

    def outputs(self) -> list[dict[int, object]]:
        return [dict(entry.output.items()) for entry in self.derivations]

    def apply(self, changes: list[tuple[str, int, int | None]]) -> None:
        for name, key, value in changes:
            if value is None:
                self.tables[name].delete(key)
            else:
                self.tables[name].put(key, value)


@given(TICKS)
def test_incremental_equals_full(ticks: list[list[tuple[str, int, int | None]]]) -> None:
    small = Small()
    for changes in ticks:
        small.apply(changes)
        small.graph.tick()
        fresh = Small()
        for name, table in small.tables.items():
            fresh.tables[name].replace(dict(table.items()))
        fresh.graph.tick()
        assert small.outputs() == fresh.outputs()


@given(TICKS, CHANGES)
def test_only_touched_rows_are_computed(
    ticks: list[list[tuple[str, int, int | None]]], last: list[tuple[str, int, int | None]]
) -> None:
    small = Small()
    for changes in ticks:
        small.apply(changes)
        small.graph.tick()
    a, b = small.tables["a"], small.tables["b"]
    seen = a.revision, b.revision, small.by_value.groups.revision
    reads = {key: set(found) for key, found in small.joined._reads.items()}
    before = small.joined.recomputed
    small.apply(last)

    touched = a.changes(seen[0])
    read = {(id(b), key) for key in b.changes(seen[1])}
    groups = small.by_value.groups
    read |= {(id(groups), group) for group in groups.changes(seen[2])}
    touched |= {key for key, found in reads.items() if found & read}
    small.graph.tick()
    assert small.joined.recomputed - before == len([key for key in touched if key in a])


@given(TICKS)
def test_equal_rows_are_no_work(ticks: list[list[tuple[str, int, int | None]]]) -> None:
    small = Small()
    for changes in ticks:
        small.apply(changes)
    small.graph.tick()
    before = small.graph.recomputed()
    for table in small.tables.values():
        for key, value in list(table.items()):
            assert not table.put(key, value)
        table.replace(dict(table.items()))
    small.graph.tick()
    assert small.graph.recomputed() == before


def test_changes_between_two_ticks_are_one() -> None:
    small = Small()
    for value in (1, 2, 1, 2):
        small.tables["a"].put(0, value)
    small.graph.tick()
    assert small.plain.recomputed == 1
    small.graph.tick()
    assert small.plain.recomputed == 1


@given(TICKS)
def test_dependencies_of_deleted_rows_are_forgotten(
    ticks: list[list[tuple[str, int, int | None]]],
) -> None:
    small = Small()
    for changes in ticks:
        small.apply(changes)
        small.graph.tick()
    for table in small.tables.values():
        table.replace({})
    small.graph.tick()
    assert small.outputs() == [{}, {}, {}]
    assert all(not entry._readers and not entry._reads for entry in small.derivations)
