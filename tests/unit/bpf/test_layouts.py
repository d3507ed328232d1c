"""Entries of one schema become those of another, by the names of their fields."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bpf import layouts, maps
from bpf.layouts import Converter, Layout, Record, mismatch, records_of

OLD = """
struct address { u32 words[4]; };
struct entry { u64 seen; struct address who; u16 port; u8 gone; u8 pad; u16 small; };
"""
NEW = """
struct address { u32 words[4]; };
struct entry { struct address who; u64 seen; /* in ns; */ u32 fresh; u8 port; u64 small; };
"""


def entry(text: str) -> Record:
    return records_of(text)["entry"]


def test_structs_are_laid_out_as_compilers_do() -> None:
    places = {field.name: (field.offset, field.size) for field in entry(OLD).fields}
    assert places == {"seen": (0, 8), "who": (8, 16), "port": (24, 2), "gone": (26, 1),
                      "small": (28, 2)}  # fmt: skip
    assert entry(OLD).size == 32
    for spec in maps.ALL:
        if spec.carried:
            found = layouts.layouts_of([spec])[spec.name]
            assert (found.key.size, found.value.size) == (spec.key_size, spec.value_size)


def test_fields_are_moved_widened_dropped_and_zero_where_new() -> None:
    old = struct.pack("@Q16sHBxH", 7, b"w" * 16, 80, 9, 300).ljust(32, b"\0")
    (new,) = Converter(entry(OLD), entry(NEW)).convert(old)
    assert new == struct.pack("@16sQIBQ", b"w" * 16, 7, 0, 80, 300)


def test_a_number_too_large_leaves_out_its_entry_alone() -> None:
    rows = [struct.pack("@Q16sHBxH", 0, bytes(16), port, 0, 0) for port in (255, 256, 1)]
    raw = b"".join(row.ljust(32, b"\0") for row in rows)
    found = list(Converter(entry(OLD), entry(NEW)).convert(raw))
    assert [row is None for row in found] == [False, True, False]


@pytest.mark.parametrize("spec", [spec for spec in maps.ALL if spec.carried], ids=lambda s: s.name)
def test_there_and_back_keeps_everything(spec: maps.MapSpec) -> None:
    """A field more in front changes every place, and no content."""
    layout = layouts.layouts_of([spec])[spec.name]
    moved = Record(
        layout.value.size + 8,
        tuple(replace(field, offset=field.offset + 8) for field in layout.value.fields),
    )
    raw = bytes(range(1, 256)) * 9
    value = raw[: layout.value.size]
    (there,) = Converter(layout.value, moved).convert(value)
    assert there is not None
    (back,) = Converter(moved, layout.value).convert(there)
    assert back is not None
    for field in layout.value.fields:
        place = slice(field.offset, field.offset + field.size)
        assert back[place] == value[place], field


def test_what_cannot_be_told_is_said() -> None:
    known = layouts.layouts_of(maps.ALL)
    policy, ct = known[maps.POLICY.name], known[maps.CT.name]
    assert mismatch(ct, ct) == ""
    assert mismatch(ct, replace(ct, kind=maps.HASH, entries=1)) == ""
    assert "kind" in mismatch(ct, policy)
    assert "prefixes" in mismatch(policy, replace(policy, key=ct.key))
    shorter = tuple(replace(field, size=4) for field in ct.key.fields[:1])
    assert "source has 4 bytes, not 16" in mismatch(ct, replace(ct, key=Record(4, shorter)))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    known = layouts.layouts_of(maps.ALL)
    path = tmp_path / "maps-v3.json"
    assert layouts.read_manifest(path) == {}
    layouts.write_manifest(path, known)
    assert layouts.read_manifest(path) == known
    for text in ("", "[]", '{"lg_ct": 1}', '{"lg_ct": {"kind": 1}}', path.read_text()[:-9]):
        path.write_text(text)
        assert layouts.read_manifest(path) == {}
    assert isinstance(known[maps.NAT.name], Layout)
