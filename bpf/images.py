"""Compiled programs as files: instructions, and where they name maps.

Instructions name maps by descriptors of the process that loads them, so an image keeps names.
The compiler takes seconds and over a hundred megabytes; an image is loaded in milliseconds.
"""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INSTRUCTION: Final = 8
_LOAD_WIDE, _MAP_DESCRIPTOR = 0x18, 1


@dataclass(frozen=True, slots=True)
class Image:
    """One program. ``maps`` has the offset of each instruction that names a map, in bytes."""

    name: str
    kind: int
    attach_type: int
    code: bytes
    maps: tuple[tuple[int, str], ...]

    def linked(self, descriptors: Mapping[str, int]) -> bytes:
        """Return the instructions with maps named by their descriptors."""
        code = bytearray(self.code)
        for offset, name in self.maps:
            struct.pack_into("=i", code, offset + 4, descriptors[name])
        return bytes(code)


def image(name: str, kind: int, attach_type: int, code: bytes, names: Mapping[int, str]) -> Image:
    """Return the image of instructions that name maps by descriptors, which ``names`` resolves."""
    found = []
    for offset in range(0, len(code), INSTRUCTION):
        opcode, registers = code[offset], code[offset + 1]
        if opcode == _LOAD_WIDE and registers >> 4 == _MAP_DESCRIPTOR:
            (descriptor,) = struct.unpack_from("=i", code, offset + 4)
            found.append((offset, names[descriptor]))
    return Image(name, kind, attach_type, code, tuple(found))


def write(path: Path, images: Iterable[Image]) -> None:
    """Write images; a reader sees all of them or none."""
    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "attach_type": one.attach_type,
            "code": base64.b64encode(one.code).decode(),
            "maps": one.maps,
        }
        for one in images
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(rows))
    partial.rename(path)


def read(path: Path) -> tuple[Image, ...]:
    """Return the images of a file; none if there is no file, or not a whole one."""
    try:
        rows = json.loads(path.read_text())
        return tuple(
            Image(
                row["name"],
                row["kind"],
                row["attach_type"],
                base64.b64decode(row["code"]),
                tuple((offset, name) for offset, name in row["maps"]),
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
