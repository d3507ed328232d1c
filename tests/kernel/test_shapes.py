"""Python and C agree on every struct."""

from __future__ import annotations

import re
import struct

from bpf import events, kernel, maps
from bpf.compile import SOURCES

_SIZES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}


def _c_formats() -> dict[str, str]:
    text = "".join((SOURCES / name).read_text() for name in ("datapath.h", "packet.h"))
    formats: dict[str, str] = {}
    for name, body in re.findall(r"^struct (\w+) \{([^}]*)\}", text, re.MULTILINE):
        plain = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
        fields = re.findall(r"(?:struct )?(\w+) \w+(?:\[(\d+)\])?;", plain)
        formats[name] = "@"
        for kind, times in fields:
            whole = _SIZES.get(kind) or formats[kind][1:]
            formats[name] += whole * int(times or 1)
    return {name: _padded(form) for name, form in formats.items()}


def _padded(form: str) -> str:
    """Return a format with the bytes that C adds at the end of a struct."""
    widest = max((kind for kind in form[1:]), key=struct.calcsize)
    return f"{form}0{widest}"


def _offsets(form: str) -> list[int]:
    """Where each field ends; bytes are fields of their own in one of the two only."""
    parts = re.findall(r"\d*\w", form.lstrip("@="))
    return [struct.calcsize(form[0] + "".join(parts[: i + 1])) for i in range(len(parts))]


def test_structs_have_the_same_fields() -> None:
    formats = _c_formats()
    pairs = [(spec.key_type, spec.key) for spec in maps.ALL if spec.key_type]
    pairs += [(spec.value_type, spec.value) for spec in maps.ALL if spec.value_type]
    for name, form in [*pairs, ("event", maps.EVENT)]:
        assert struct.calcsize(form) == struct.calcsize(formats[name]), name
        assert set(_offsets(form)) <= set(_offsets(formats[name])), name


def test_sizes_and_reasons_are_those_of_the_programs() -> None:
    text = "".join(path.read_text() for path in sorted(SOURCES.iterdir()))
    numbers = dict(re.findall(r"#define REASON_(\w+) (\d+)", text))
    assert len(numbers) == len(events.REASONS)
    assert maps.METRICS.entries == 2 * len(events.REASONS)
    for name, size in re.findall(r"BPF_TABLE_PINNED\([^;]*?(lg_\w+), (\d+),", text):
        assert {spec.name: spec.entries for spec in maps.ALL}[name] == int(size)


def test_this_kernel_is_able() -> None:
    assert [probe for probe in kernel.probe_all() if not probe.ok] == []
