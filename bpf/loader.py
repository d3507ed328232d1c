"""Load programs, or adopt those that an earlier agent pinned."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bpf import images, maps, syscalls
from bpf.compile import PROGRAMS, source_hash
from lockgate.errors import BpfError

_PREFIX: Final = "programs-"
CACHE: Final = Path("/var/cache/lockgate")
"""Where compiled programs are kept, by a hash of their source."""


def ensure_programs(
    bpf_dir: Path, tables: Mapping[str, maps.Map], cache_dir: Path = CACHE
) -> tuple[dict[str, int], bool]:
    """Return descriptors of the programs by name, and whether they had to be loaded.

    Programs of an older source stay pinned until :func:`forget_older`, so that nothing is
    unprotected between. What was compiled once, on this host, is kept in ``cache_dir``.

    Raises: BpfError: they do not compile. VerifierRejected: the kernel refuses one.
    """
    directory = bpf_dir / maps.SCHEMA / f"{_PREFIX}{source_hash()}"
    adopted = directory.exists()
    if not adopted:
        _load(_images(bpf_dir / maps.SCHEMA, cache_dir), tables, directory)
    programs = {spec.name: syscalls.open_pinned(directory / spec.name) for spec in PROGRAMS}
    return programs, not adopted


def close_programs(programs: dict[str, int]) -> None:
    """Let go of descriptors; pinned programs stay."""
    for fd in programs.values():
        os.close(fd)


def has_older(bpf_dir: Path) -> bool:
    """Say whether programs of another source are pinned, and may still be attached."""
    return bool(_older(bpf_dir))


def forget_older(bpf_dir: Path) -> None:
    """Unpin programs of any other source."""
    for directory in _older(bpf_dir):
        remove_tree(directory)


def _older(bpf_dir: Path) -> list[Path]:
    current = f"{_PREFIX}{source_hash()}"
    found = (bpf_dir / maps.SCHEMA).glob(f"{_PREFIX}*")
    return [directory for directory in found if directory.name != current]


def remove_tree(directory: Path) -> None:
    """Unpin everything under a directory and remove it."""
    for path in sorted(directory.rglob("*"), key=lambda path: -len(path.parts)):
        with contextlib.suppress(FileNotFoundError):
            path.rmdir() if path.is_dir() else path.unlink()
    with contextlib.suppress(FileNotFoundError):
        directory.rmdir()


def _images(maps_dir: Path, cache_dir: Path) -> tuple[images.Image, ...]:
    path = cache_dir / f"{_PREFIX}{source_hash()}.json"
    found = images.read(path)
    if {one.name for one in found} != {spec.name for spec in PROGRAMS}:
        _compile(maps_dir, path)
        found = images.read(path)
    return found


def _load(found: Iterable[images.Image], tables: Mapping[str, maps.Map], directory: Path) -> None:
    # Renamed once complete: a half-built directory is never adopted.
    building = directory.with_name(f"building-{os.getpid()}")
    building.mkdir()
    descriptors = {name: table.fd for name, table in tables.items()}
    try:
        for one in found:
            code = one.linked(descriptors)
            fd = syscalls.load_program(one.kind, one.attach_type, code, one.name)
            syscalls.pin(fd, building / one.name)
            os.close(fd)
        building.rename(directory)
    except BaseException:
        remove_tree(building)
        raise


def _compile(maps_dir: Path, path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
    command = [sys.executable, "-m", "bpf.compile", str(maps_dir), str(path)]
    done = subprocess.run(  # our own module
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BpfError(f"the programs do not compile:\n{done.stderr.strip()}")
