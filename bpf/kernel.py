"""Is this kernel able? Each answer says what to do if it is not."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from bpf import compile as programs
from bpf import host, loader, maps
from lockgate.errors import BpfError

_ROOT = Path("/sys/fs/bpf")


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was tried; ``fix`` is empty if it went well."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def probe_all() -> list[Probe]:
    """Try everything the datapath needs, up to loading its programs; nothing is attached."""
    probes = [_privilege(), _compiler(), _headers()]
    if probes[0].ok:
        probes.append(_filesystem())
    if all(probe.ok for probe in probes):
        probes.append(_trial_load())
    return probes


def _privilege() -> Probe:
    is_root = os.geteuid() == 0
    return Probe("privilege", is_root, f"user id {os.geteuid()}", "" if is_root else "run as root")


def _compiler() -> Probe:
    try:
        import bcc
    except (ImportError, OSError) as error:
        return Probe("compiler", False, f"BCC: {error}", "install python3-bpfcc")
    return Probe("compiler", True, f"BCC {bcc.__version__}")


def _headers() -> Probe:
    try:
        found = programs.link_headers()
    except OSError as error:
        return Probe("kernel headers", False, str(error), "make /lib/modules writable")
    fix = "" if found else "install linux-headers for any kernel from 5.15 on"
    return Probe("kernel headers", bool(found), found or "none in /lib/modules", fix)


def _filesystem() -> Probe:
    try:
        host.ensure_bpffs(_ROOT)
    except (BpfError, OSError) as error:
        return Probe("bpf file system", False, str(error), f"mount -t bpf bpf {_ROOT}")
    return Probe("bpf file system", True, str(_ROOT))


def _trial_load() -> Probe:
    directory = _ROOT / f"lockgate-probe-{secrets.token_hex(4)}"
    try:
        tables = maps.create_maps(directory / maps.SCHEMA)
        loaded, _ = loader.ensure_programs(directory, tables)
        loader.close_programs(loaded)
        for table in tables.values():
            table.close()
    except BpfError as error:
        return Probe("programs", False, str(error), "Linux 5.18 or newer is needed")
    finally:
        loader.remove_tree(directory)
    return Probe("programs", True, f"{len(loaded)} load on Linux {os.uname().release}")
