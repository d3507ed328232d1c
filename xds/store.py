"""The last published snapshot on disk, so that it can be served before the sources are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import orjson

from lockgate.model.meta import ObjectRef
from xds.resource import Resource, framed
from xds.snapshot import Key

SCHEMA = 1
"""Raised when the table changes; a file of another schema is begun anew."""
_TABLE = """
CREATE TABLE IF NOT EXISTS resources (
    type TEXT, name TEXT, version TEXT, body BLOB, origin BLOB, PRIMARY KEY (type, name)
) WITHOUT ROWID
"""


class SnapshotStore:
    """Resources in one SQLite file: a change costs what changed. Calls block.

    A file that cannot be read counts as none: the sources know everything.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            self._prepare()

    def _prepare(self) -> None:
        # It holds certificates' keys; SQLite gives its journal the mode of the file itself.
        self._path.touch(mode=0o600)
        self._path.chmod(0o600)
        with closing(self._connect()) as connection, connection:
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            if schema != SCHEMA:
                connection.execute("DROP TABLE IF EXISTS resources")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.execute(_TABLE)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path)
        # Losing the newest rows with the machine's power is harmless, a torn file is not.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def load(self) -> list[Resource]:
        """Return all resources."""
        try:
            with closing(self._connect()) as connection:
                rows = connection.execute("SELECT type, name, version, body, origin FROM resources")
                return [
                    framed(type_url, name, version, body, _refs(origin))
                    for type_url, name, version, body, origin in rows
                ]
        except (sqlite3.DatabaseError, ValueError, TypeError):
            return []

    def save(self, put: Sequence[Resource], remove: Iterable[Key]) -> None:
        """Write what changed, all of it or nothing.

        Raises: OSError: the disk does not take it.
        """
        try:
            with closing(self._connect()) as connection, connection:
                connection.executemany("DELETE FROM resources WHERE type = ? AND name = ?", remove)
                connection.executemany(
                    "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?)", map(_row, put)
                )
        except sqlite3.Error as error:
            raise OSError(f"cannot write {self._path}: {error}") from error


def _row(item: Resource) -> tuple[str, str, str, bytes, bytes]:
    origin = orjson.dumps([[ref.kind, ref.namespace, ref.name] for ref in item.origin])
    return item.type_url, item.name, item.version, item.body, origin


def _refs(body: bytes) -> tuple[ObjectRef, ...]:
    return tuple(ObjectRef(*fields) for fields in orjson.loads(body))
