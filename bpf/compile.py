"""Compile the programs: ``python -m bpf.compile MAPS_DIR IMAGES_FILE``.

A process of its own, for the compiler takes over a hundred megabytes that an agent need not keep.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bpf import images, maps

SOURCES: Final = Path(__file__).parent / "programs"
SCHED_CLS, SOCK_ADDR = 3, 18


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """One program and where it may be attached; ``attach_type`` is -1 for tc."""

    name: str
    kind: int
    attach_type: int = -1


_TC: Final = "datapath.h packet.h events.h tracking.h policy.h hostpolicy.h translate.h"
MODULES: Final[dict[str, tuple[ProgramSpec, ...]]] = {
    f"{_TC} services.h forward.h refuse.h proxy.h pod.c": (
        ProgramSpec("from_pod", SCHED_CLS),
        ProgramSpec("to_pod", SCHED_CLS),
        ProgramSpec("hairpin", SCHED_CLS),
    ),
    f"{_TC} services.h forward.h refuse.h device.c": (
        ProgramSpec("from_device", SCHED_CLS),
        ProgramSpec("to_device", SCHED_CLS),
    ),
    "datapath.h services.h socket_lb.c": (
        ProgramSpec("bind4", SOCK_ADDR, 8),
        ProgramSpec("bind6", SOCK_ADDR, 9),
        ProgramSpec("connect4", SOCK_ADDR, 10),
        ProgramSpec("connect6", SOCK_ADDR, 11),
        ProgramSpec("sendmsg4", SOCK_ADDR, 14),
        ProgramSpec("sendmsg6", SOCK_ADDR, 15),
        ProgramSpec("recvmsg4", SOCK_ADDR, 19),
        ProgramSpec("recvmsg6", SOCK_ADDR, 20),
        ProgramSpec("getpeername4", SOCK_ADDR, 29),
        ProgramSpec("getpeername6", SOCK_ADDR, 30),
    ),
}
PROGRAMS: Final = tuple(spec for specs in MODULES.values() for spec in specs)


def source_of(files: str) -> str:
    """Return the text of a module: BCC rewrites map accesses only in one main text."""
    return "\n".join((SOURCES / name).read_text() for name in files.split())


def source_hash() -> str:
    """Return a name for the programs as they are written, 12 hexadecimal digits."""
    text = "\0".join(source_of(files) for files in MODULES)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def link_headers() -> str:
    """Make some kernel headers be found as the running kernel's, and return where they are.

    BCC looks in ``/lib/modules/RELEASE`` only; for network programs those of another kernel do.
    Returns an empty string if none are installed.
    """
    own = Path("/lib/modules") / os.uname().release
    if (own / "build").exists():
        return str(own)
    others = sorted(path.parent for path in Path("/lib/modules").glob("*/build") if path.exists())
    if not others:
        return ""
    if not own.exists():
        own.symlink_to(others[-1])
        return str(others[-1])
    # Debian splits headers into what was built and its source; BCC needs both.
    for name in ("build", "source"):
        link = own / name
        if (others[-1] / name).exists() and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(others[-1] / name)
    return str(others[-1])


def load_module(files: str, maps_dir: Path) -> Any:  # bcc has no types
    """Compile one module against the maps pinned in a directory."""
    from bcc import BPF

    text = f'#define PIN_DIR "{maps_dir}"\n{source_of(files)}'
    return BPF(text=text, cflags=["-Wno-address-of-packed-member"])


def compile_images(maps_dir: Path) -> list[images.Image]:
    """Return every program as the compiler makes it, for the maps pinned in a directory."""
    found = []
    for files, specs in MODULES.items():
        module = load_module(files, maps_dir)
        names = {}
        for spec in maps.ALL:
            with contextlib.suppress(KeyError):  # a map that this module does not use
                names[module[spec.name].map_fd] = spec.name
        for program in specs:
            code = module.dump_func(program.name)
            made = images.image(program.name, program.kind, program.attach_type, code, names)
            found.append(made)
    return found


def main(arguments: list[str]) -> int:
    """Write the images of all programs to the second path."""
    link_headers()
    images.write(Path(arguments[1]), compile_images(Path(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
