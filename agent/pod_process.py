"""Processes of pods: started so that they outlive the agent, and found again by the next one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.network import processes_in
from lockgate.errors import WorkloadError

STOP_S: Final = 3.0
"""How long a process has between SIGTERM and SIGKILL."""
# Every step replaces the last, so the process keeps the id and start time of the first.
# The host's name is resolved by many a server when it starts: the pod's own is in its hosts file.
_LAUNCH: Final = (
    'echo "$4" > /proc/sys/kernel/hostname && "$1" --bind "$2" /etc/hosts'
    ' && cd "$3" && shift 4 && exec "$@"'
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from a later one of the same id by its start, in clock ticks since boot."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class Launch:
    """How a container's process is started."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    directory: str
    hostname: str
    netns: Path
    hosts: Path
    """Shown to it as ``/etc/hosts``."""
    log: Path


def start(launch: Launch) -> Process:
    """Start a process as leader of its own session, in a network and mount namespace.

    Mounts are received from the host but not sent to it, so that a pod's namespace that the host
    removes is not kept alive by another pod's copy of the mount.

    Raises: WorkloadError: it cannot be started.
    """
    argv = [_tool("nsenter"), f"--net={launch.netns}", "--"]
    argv += [_tool("unshare"), "--uts", "--mount", "--propagation", "slave", "--"]
    argv += [_tool("sh"), "-c", _LAUNCH, "sh", _tool("mount"), str(launch.hosts)]
    argv += [launch.directory or "/", launch.hostname[:63], *launch.command]
    try:
        pid = os.posix_spawn(
            argv[0],
            argv,
            dict(launch.env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them; children should not
        )
    except OSError as error:
        raise WorkloadError(f"cannot start {launch.command[0]}: {error.strerror}") from error
    return Process(pid, _start_time(pid) or 0)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise WorkloadError(f"{name} is not installed; pods cannot run without it (util-linux)")
    return found


def _start_time(pid: int) -> int | None:
    """Return field 22 of ``/proc/PID/stat``, None for one that ended or is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


def is_running(process: Process) -> bool:
    """Say whether it still runs; another process of the same id does not count."""
    return _start_time(process.pid) == process.start


async def wait_exit(process: Process) -> int | None:
    """Wait until it ended; return its exit code, negative for a signal.

    None is returned for a process that an earlier agent started: only a parent learns the code.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    loop = asyncio.get_running_loop()
    try:
        if is_running(process):
            ended = asyncio.Event()
            loop.add_reader(descriptor, ended.set)
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return _reap(process.pid)


def _reap(pid: int) -> int | None:
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if done else None


async def stop(processes: Sequence[Process], netns: Path) -> None:
    """End processes, with whatever they started in their namespace; they have :data:`STOP_S`."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    await _wait_all(processes, STOP_S)
    for process in processes:
        _signal(process, signal.SIGKILL)
    await _wait_all(processes, STOP_S)
    for pid in processes_in(netns):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _signal(process: Process, number: int) -> None:
    if is_running(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


async def _wait_all(processes: Sequence[Process], seconds: float) -> None:
    if processes:
        waiting = [asyncio.create_task(wait_exit(process)) for process in processes]
        _, late = await asyncio.wait(waiting, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
