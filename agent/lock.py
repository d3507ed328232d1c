"""One agent per node."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lockgate.errors import AgentRunning

LOCK_FILE = Path("/run/lockgate.lock")
"""One for the whole host, whatever run directory an agent was given: the kernel is shared."""


@contextmanager
def node_lock(path: Path = LOCK_FILE) -> Iterator[None]:
    """Hold the node; the kernel lets go of it when this process ends, however it ends.

    Raises: AgentRunning: another agent holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
            msg = f"another agent runs on this host (pid {holder}); stop it first"
            raise AgentRunning(msg) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
