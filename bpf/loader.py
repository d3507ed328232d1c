"""Load programs, or adopt those that an earlier agent pinned."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from bpf import maps, syscalls
from bpf.compile import PROGRAMS, source_hash
from lockgate.errors import BpfError, VerifierRejected

_PREFIX: Final = "programs-"


def ensure_programs(bpf_dir: Path) -> tuple[dict[str, int], bool]:
    """Return descriptors of the programs by name, and whether they had to be compiled.

    Maps must exist. Programs of an older source stay pinned until :func:`forget_older`, so that
    nothing is unprotected between.

    Raises: BpfError: they do not compile. VerifierRejected: the kernel refuses one.
    """
    directory = bpf_dir / maps.SCHEMA / f"{_PREFIX}{source_hash()}"
    adopted = directory.exists()
    if not adopted:
        _build(bpf_dir / maps.SCHEMA, directory)
    programs = {spec.name: syscalls.open_pinned(directory / spec.name) for spec in PROGRAMS}
    return programs, not adopted


def close_programs(programs: dict[str, int]) -> None:
    """Let go of descriptors; pinned programs stay."""
    for fd in programs.values():
        os.close(fd)


def forget_older(bpf_dir: Path) -> None:
    """Unpin programs of any other source."""
    current = f"{_PREFIX}{source_hash()}"
    for directory in (bpf_dir / maps.SCHEMA).glob(f"{_PREFIX}*"):
        if directory.name != current:
            remove_tree(directory)


def remove_tree(directory: Path) -> None:
    """Unpin everything under a directory and remove it."""
    for path in sorted(directory.rglob("*"), key=lambda path: -len(path.parts)):
        with contextlib.suppress(FileNotFoundError):
            path.rmdir() if path.is_dir() else path.unlink()
    with contextlib.suppress(FileNotFoundError):
        directory.rmdir()


def _build(maps_dir: Path, directory: Path) -> None:
    # Renamed once complete: a half-built directory is never adopted.
    building = directory.with_name(f"building-{os.getpid()}")
    building.mkdir()
    try:
        _compile(maps_dir, building)
        building.rename(directory)
    except BaseException:
        remove_tree(building)
        raise


def _compile(maps_dir: Path, building: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = [sys.executable, "-m", "bpf.compile", str(maps_dir), str(building)]
    done = subprocess.run(  # our own module
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    log = done.stderr.strip()
    started = re.findall(r"^program (\w+)$", log, re.MULTILINE)
    if started:
        raise VerifierRejected(started[-1], log)
    raise BpfError(f"the programs do not compile:\n{log}")
