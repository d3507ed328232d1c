"""Taking over the maps of agents of another schema, newer or older, while traffic goes on.

Maps of the same layout are shared: both schemas' programs use one and the same. Of the others the
entries are copied, before the programs are replaced and once more after, for connections that
began in between. What cannot be told from a manifest is left, and everything starts afresh.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from sys import byteorder
from typing import Final

from bpf import layouts, loader, maps, syscalls
from bpf.layouts import Converter, Layout
from bpf.maps import ARRAY, HASH, LPM_TRIE, LRU_HASH, PERCPU_ARRAY, Map, MapSpec
from lockgate.errors import BpfError, MapFull

_log = logging.getLogger(__name__)
_ARRAYS: Final = frozenset({ARRAY, PERCPU_ARRAY})
_TABLES: Final = frozenset({HASH, LRU_HASH, LPM_TRIE})
_ROUNDS_BEFORE: Final = 2
"""The first may take long with full tables; the second copies what has come since."""


class Migration:
    """Maps of this schema in ``bpf_dir``, and what other schemas left beside them.

    ``lost`` says what could not be taken over, for people.
    """

    def __init__(self, bpf_dir: Path, run_dir: Path, specs: Iterable[MapSpec]) -> None:
        self._bpf_dir = bpf_dir
        self._run_dir = run_dir
        self._specs = tuple(specs)
        self._layouts = layouts.layouts_of(self._specs)
        self._directory = bpf_dir / maps.SCHEMA
        self._maps: dict[str, Map] = {}
        self.lost: list[str] = []
        self._set_aside()
        self._sources = _schemas_in(bpf_dir, self._directory)
        self._known = {one: layouts.read_manifest(self._manifest(one)) for one in self._sources}

    @property
    def is_needed(self) -> bool:
        """Whether another schema is there; also if an earlier migration was interrupted."""
        return bool(self._sources)

    def open(self, batches: bool = True) -> dict[str, Map]:
        """Return this schema's maps by name, shared with the others where they are alike.

        Raises: BpfError: the kernel refuses a map.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        for name, layout in self._layouts.items():
            self._share(name, layout)
        layouts.write_manifest(self._manifest(self._directory), self._layouts)
        self._maps = maps.create_maps(self._directory, self._specs, batches)
        return self._maps

    def copy(self) -> None:
        """Copy what maps of another layout hold, and those of ours do not yet."""
        for source in self._sources:
            if not self._known[source]:
                self._lose(f"{source.name}: it left no manifest of its maps")
        self._copy_all(_ARRAYS)
        for _ in range(_ROUNDS_BEFORE):
            self._copy_all(_TABLES)

    def finish(self) -> None:
        """Copy what has come meanwhile, and remove the other schemas and maps no longer used."""
        self._copy_all(_TABLES)
        for path in self._directory.glob("lg_*"):
            if path.name not in self._maps:
                path.unlink()
        for source in self._sources:
            _log.info("maps of schema %s are taken over", source.name)
            loader.remove_tree(source)
            self._manifest(source).unlink(missing_ok=True)
        self._sources = []

    def _manifest(self, directory: Path) -> Path:
        return self._run_dir / f"maps-{directory.name}.json"

    def _set_aside(self) -> None:
        """Make of maps of our schema that have another shape a schema of their own."""
        known = layouts.read_manifest(self._manifest(self._directory))
        pinned = [spec for spec in self._specs if (self._directory / spec.name).exists()]
        if not any(
            not maps.is_of_shape(self._directory / spec.name, spec)
            or (spec.name in known and known[spec.name] != self._layouts[spec.name])
            for spec in pinned
        ):
            return
        paths = (self._bpf_dir / f"{maps.SCHEMA}-{number}" for number in count(1))
        aside = next(path for path in paths if not path.exists())
        manifest = self._manifest(self._directory)
        if manifest.exists():
            manifest.rename(self._manifest(aside))
        self._directory.rename(aside)

    def _share(self, name: str, layout: Layout) -> None:
        for source in self._sources:
            if (self._directory / name).exists():
                return
            if self._known[source].get(name) == layout and (source / name).exists():
                with _opened(source / name) as fd:
                    syscalls.pin(fd, self._directory / name)

    def _copy_all(self, kinds: frozenset[int]) -> None:
        for source in self._sources:
            for name, layout in self._layouts.items():
                if name in self._known[source] and layout.kind in kinds:
                    try:
                        self._copy_map(source, name, layout)
                    except BpfError as error:
                        self._lose(f"{source.name}: {error}")

    def _copy_map(self, source: Path, name: str, layout: Layout) -> None:
        old, table = self._known[source][name], self._maps[name]
        spec = _as_spec(name, old)
        if not maps.is_of_shape(source / name, spec):
            self._lose(f"{source.name}: {name} is not as its manifest says")
            return
        why = layouts.mismatch(old, layout)
        if why:
            self._lose(f"{source.name}: {name} is lost: {why}")
            return
        with _opened(source / name) as fd:
            if syscalls.object_id(fd) != syscalls.object_id(table.fd):
                self._copy_entries(Map(spec, fd), old, table, layout)

    def _copy_entries(self, old: Map, before: Layout, new: Map, after: Layout) -> None:
        present = _keys(new) if after.kind in _TABLES else set()
        convert = _EntryConverter(before, after)
        try:
            for keys, values in old.pages():
                found = [(key, value) for key, value in convert(keys, values) if key not in present]
                new.put_packed(
                    b"".join([key for key, _ in found]), b"".join([value for _, value in found])
                )
        except MapFull as error:
            self._lose(f"{new.spec.name}: {error}")
        if convert.unfit:
            self._lose(f"{new.spec.name}: {convert.unfit} entries do not fit")

    def _lose(self, what: str) -> None:
        if what not in self.lost:
            _log.warning("not taken over from schema %s", what)
            self.lost.append(what)


class _EntryConverter:
    """Turns pages of one map into entries of another; ``unfit`` counts those that do not fit."""

    def __init__(self, old: Layout, new: Layout) -> None:
        self._key, self._value = Converter(old.key, new.key), Converter(old.value, new.value)
        self._cpus = maps.possible_cpus() if new.kind == PERCPU_ARRAY else 0
        self._new, self._old = new, old
        self.unfit = 0

    def __call__(self, keys: bytes, values: bytes) -> Iterator[tuple[bytes, bytes]]:
        converted = self._per_cpu(values) if self._cpus else self._value.convert(values)
        for key, value in zip(self._key.convert(keys), converted, strict=True):
            if key is None or value is None or self._is_beyond(key):
                self.unfit += 1
            else:
                yield key, value

    def _is_beyond(self, key: bytes) -> bool:
        is_array = self._new.kind in _ARRAYS
        return is_array and int.from_bytes(key, byteorder) >= self._new.entries

    def _per_cpu(self, values: bytes) -> Iterator[bytes | None]:
        """Every processor has a value, each on a boundary of eight bytes."""
        width, size = -(-self._old.value.size // 8) * 8, self._old.value.size
        padding = bytes(-self._new.value.size % 8)
        parts = b"".join(values[at : at + size] for at in range(0, len(values), width))
        each = self._value.convert(parts)
        for _ in range(len(values) // (width * self._cpus)):
            found = [next(each) for _ in range(self._cpus)]
            yield None if None in found else b"".join([(one or b"") + padding for one in found])


def _schemas_in(bpf_dir: Path, own: Path) -> list[Path]:
    """Return the directories of other schemas, the one that was made last first."""
    found = [path for path in bpf_dir.glob("v*") if path.is_dir() and path != own]
    return sorted(found, key=lambda path: -path.stat().st_mtime_ns)


def _as_spec(name: str, layout: Layout) -> MapSpec:
    key, value = f"={layout.key.size}s", f"={layout.value.size}s"
    return MapSpec(name, layout.kind, key, value, layout.entries)


def _keys(table: Map) -> set[bytes]:
    width = table.spec.key_size
    return {keys[at : at + width] for keys, _ in table.pages() for at in range(0, len(keys), width)}


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = syscalls.open_pinned(path)
    try:
        yield fd
    finally:
        os.close(fd)
