"""Peers written in Go, built once outside the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def build(source: Path, name: str, package: str = ".") -> Path | None:
    """Return the binary of a peer, or None where Go or the peer's module lacks.

    Args:
        source: folder of the program.
        name: of the binary, with the version of what it is a peer of.
        package: that is built; the folder itself, or one its module requires.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lockgate" / "bench"
    binary = cache / name
    newest = max(path.stat().st_mtime for path in source.iterdir())
    if binary.exists() and binary.stat().st_mtime > newest:
        return binary
    go = shutil.which("go")
    if go is None:
        print("no peer: Go is not installed", file=sys.stderr)
        return None
    cache.mkdir(parents=True, exist_ok=True)
    if subprocess.run([go, "build", "-o", binary, package], cwd=source, check=False).returncode:
        print(f"no peer: {name} could not be built", file=sys.stderr)
        return None
    return binary
