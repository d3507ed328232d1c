"""The ``bpf`` system call: maps, pins and attachments, without a compiler in the process."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lockgate.errors import BpfError, VerifierRejected

_NUMBERS: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
MAP_CREATE, MAP_LOOKUP, MAP_UPDATE, MAP_DELETE, MAP_NEXT_KEY = 0, 1, 2, 3, 4
PROG_LOAD = 5
LOOKUP_BATCH, UPDATE_BATCH, DELETE_BATCH = 24, 26, 27
OBJ_PIN, OBJ_GET, PROG_ATTACH, PROG_DETACH, OBJ_INFO, PROG_QUERY = 6, 7, 8, 9, 15, 16
ATTACH_OVERRIDABLE: Final = 1
"""Replaces what is attached, and lets a child group attach its own."""

_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    """Make the call and return its result and the attributes as the kernel left them.

    Raises: OSError: with the kernel's number.
    """
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    number = _NUMBERS[platform.machine()]
    result = _libc.syscall(number, command, ctypes.byref(buffer), ctypes.c_uint(128))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result, buffer.raw


def _address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


def create_map(kind: int, key: int, value: int, entries: int, flags: int, name: str) -> int:
    """Create a map and return its descriptor; ``key`` and ``value`` are sizes in bytes."""
    label = name.encode()[:15].ljust(16, b"\0")
    attributes = struct.pack("=IIIIIII16s", kind, key, value, entries, flags, 0, 0, label)
    return bpf(MAP_CREATE, attributes)[0]


def load_program(kind: int, attach_type: int, code: bytes, name: str) -> int:
    """Load a program and return its descriptor; ``attach_type`` is -1 for none.

    Raises: VerifierRejected: with the kernel's reasons.
    """
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    label = name.encode()[:15].ljust(16, b"\0")

    def load(log: ctypes.Array[ctypes.c_char] | None) -> int:
        level, size, place = (1, len(log), _address(log)) if log is not None else (0, 0, 0)
        attributes = struct.pack(
            "=IIQQIIQII16sII", kind, len(code) // 8, _address(instructions), _address(licence),
            level, size, place, 0, 0, label, 0, max(attach_type, 0),
        )  # fmt: skip
        return bpf(PROG_LOAD, attributes)[0]

    try:
        return load(None)
    except OSError:
        log = ctypes.create_string_buffer(1 << 24)
        try:
            return load(log)
        except OSError as error:
            reasons = log.value.decode(errors="replace") or str(error.strerror)
            raise VerifierRejected(name, reasons) from error


def pin(fd: int, path: Path) -> None:
    """Give an object a name in a bpf file system."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    bpf(OBJ_PIN, struct.pack("=QI", _address(name), fd))


def open_pinned(path: Path) -> int:
    """Return a descriptor of a pinned object.

    Raises: FileNotFoundError: nothing is pinned there.
    """
    name = ctypes.create_string_buffer(os.fsencode(path))
    return bpf(OBJ_GET, struct.pack("=QII", _address(name), 0, 0))[0]


def map_shape(fd: int) -> tuple[int, int, int, int]:
    """Return (type, key size, value size, entries) of a map."""
    kind, _, key, value, entries = struct.unpack_from("=IIIII", _info(fd))
    return kind, key, value, entries


def object_id(fd: int) -> int:
    """Return the kernel's number of a map or program."""
    return int(struct.unpack_from("=II", _info(fd))[1])


def _info(fd: int) -> bytes:
    info = ctypes.create_string_buffer(88)
    bpf(OBJ_INFO, struct.pack("=IIQ", fd, len(info), _address(info)))
    return info.raw


def update(fd: int, key: bytes, value: bytes) -> None:
    """Write one entry."""
    k = ctypes.create_string_buffer(key, len(key))
    v = ctypes.create_string_buffer(value, len(value))
    bpf(MAP_UPDATE, struct.pack("=IIQQQ", fd, 0, _address(k), _address(v), 0))


def lookup(fd: int, key: bytes, value_size: int) -> bytes | None:
    """Read one entry, or None; of a per-CPU map ``value_size`` counts every CPU."""
    k, v = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value_size)
    try:
        bpf(MAP_LOOKUP, struct.pack("=IIQQQ", fd, 0, _address(k), _address(v), 0))
    except FileNotFoundError:
        return None
    return v.raw


def delete(fd: int, key: bytes) -> bool:
    """Remove one entry and return whether it was there."""
    k = ctypes.create_string_buffer(key, len(key))
    try:
        bpf(MAP_DELETE, struct.pack("=IIQQQ", fd, 0, _address(k), 0, 0))
    except FileNotFoundError:
        return False
    return True


def update_batch(fd: int, keys: bytes, values: bytes, count: int) -> None:
    """Write ``count`` entries, which stand one after the other; Linux 5.6."""
    _batch(UPDATE_BATCH, fd, keys, values, count)


def delete_batch(fd: int, keys: bytes, count: int) -> None:
    """Remove ``count`` entries; stops at one that is not there. Linux 5.6."""
    _batch(DELETE_BATCH, fd, keys, b"", count)


def _batch(command: int, fd: int, keys: bytes, values: bytes, count: int) -> None:
    k = ctypes.create_string_buffer(keys, len(keys))
    v = ctypes.create_string_buffer(values, max(len(values), 1))
    bpf(command, struct.pack("=QQQQIIQQ", 0, 0, _address(k), _address(v), count, fd, 0, 0))


def lookup_batch(
    fd: int, key_size: int, value_size: int, token: bytes | None, most: int
) -> tuple[bytes, bytes, int, bytes | None]:
    """Read up to ``most`` entries: their keys, their values, how many, and where to go on.

    ``token`` is where an earlier call left off; the last one returns None for it. Linux 5.6.
    """
    width = max(key_size, 8)
    k, v = (
        ctypes.create_string_buffer(key_size * most),
        ctypes.create_string_buffer(value_size * most),
    )
    out = ctypes.create_string_buffer(width)
    start = ctypes.create_string_buffer(token, width) if token is not None else None
    attributes = struct.pack(
        "=QQQQIIQQ", _address(start) if start else 0, _address(out), _address(k), _address(v),
        most, fd, 0, 0,
    )  # fmt: skip
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    number = _NUMBERS[platform.machine()]
    failed = _libc.syscall(number, LOOKUP_BATCH, ctypes.byref(buffer), ctypes.c_uint(128)) < 0
    code = ctypes.get_errno() if failed else 0
    if code not in (0, errno.ENOENT):
        raise OSError(code, os.strerror(code))
    (count,) = struct.unpack_from("=I", buffer.raw, 32)
    rest = None if code == errno.ENOENT else out.raw
    return k.raw[: count * key_size], v.raw[: count * value_size], count, rest


def keys(fd: int, key_size: int) -> Iterator[bytes]:
    """Walk the keys of a map; an entry removed meanwhile makes the kernel start anew."""
    following = ctypes.create_string_buffer(key_size)
    previous: ctypes.Array[ctypes.c_char] | None = None
    while True:
        at = _address(previous) if previous is not None else 0
        try:
            bpf(MAP_NEXT_KEY, struct.pack("=IIQQ", fd, 0, at, _address(following)))
        except FileNotFoundError:
            return
        yield following.raw
        previous = ctypes.create_string_buffer(following.raw, key_size)


def attach_cgroup(cgroup_fd: int, program_fd: int, kind: int) -> None:
    """Attach a program to a cgroup in place of the one of its kind."""
    bpf(PROG_ATTACH, struct.pack("=IIII", cgroup_fd, program_fd, kind, ATTACH_OVERRIDABLE))


def detach_cgroup(cgroup_fd: int, kind: int) -> None:
    """Detach the program of a kind, if there is one."""
    try:
        bpf(PROG_DETACH, struct.pack("=IIII", cgroup_fd, 0, kind, 0))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            raise


def attached_to_cgroup(cgroup_fd: int, kind: int) -> list[int]:
    """Return the ids of the programs of a kind attached to a cgroup."""
    ids = (ctypes.c_uint32 * 64)()
    attributes = struct.pack("=IIIIQI", cgroup_fd, kind, 0, 0, ctypes.addressof(ids), len(ids))
    _, answer = bpf(PROG_QUERY, attributes)
    (count,) = struct.unpack_from("=I", answer, 24)
    return list(ids[:count])


def refuse(path: Path, error: OSError) -> BpfError:
    """Return our error for a failed call on a pinned object."""
    return BpfError(f"{path}: {error.strerror}")
