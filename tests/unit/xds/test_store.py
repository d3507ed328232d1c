"""The snapshot on disk: what is kept, and what a damaged file costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.model.meta import ObjectRef
from xds.resource import CLUSTER, ENDPOINTS, framed
from xds.snapshot import SnapshotCache
from xds.store import SnapshotStore

A = framed(CLUSTER, "a", "1", b"body", (ObjectRef("Service", "shop", "a"),))
B = framed(ENDPOINTS, "b", "1", b"\0\xff")


def test_what_was_put_is_there_for_the_next(tmp_path: Path) -> None:
    SnapshotStore(tmp_path / "s.db").save([A, B], [])
    store = SnapshotStore(tmp_path / "s.db")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    found = sorted(store.load(), key=lambda item: item.name)
    assert found == [A, B]
    assert found[0].origin == A.origin
    store.save([framed(CLUSTER, "a", "2", b"new")], [(ENDPOINTS, "b")])
    assert [(item.name, item.version, item.body) for item in store.load()] == [("a", "2", b"new")]


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.db").write_bytes(content)
    store = SnapshotStore(tmp_path / "s.db")
    assert store.load() == []
    store.save([A], [])
    assert store.load() == [A]


def test_a_restored_snapshot_is_served_until_the_sources_are_read() -> None:
    cache = SnapshotCache()
    cache.restore([A, B])
    assert cache.is_complete and not cache.is_ready
    assert cache.unsaved() == ([], [])
    assert cache.update([A]) == []
    cache.ready()
    assert cache.get(CLUSTER, "a") == A
    assert cache.get(ENDPOINTS, "b") is None
    assert cache.unsaved() == ([], [(ENDPOINTS, "b")])
