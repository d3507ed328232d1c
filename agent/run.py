"""The agent: puts the parts together, runs them until told to stop, and takes them down."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from agent.lock import node_lock
from agent.node import Node
from bpf.host import host_addresses
from bpf.kernel import probe_all
from lockgate.errors import BpfError, ConfigError, LockgateError, PrivilegeError
from lockgate.log import configure_logging
from lockgate.settings import Settings

log = structlog.get_logger()


def _say(line: str) -> None:
    # Whoever waits for this line may read it through a pipe.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(settings: Settings, *, on_ready: Callable[[str], None] = _say) -> int:
    """Run an agent in the foreground until SIGINT or SIGTERM; return an exit code.

    ``on_ready`` is called once with one line when traffic can flow. A standalone agent removes
    all it made when it is told to stop; only a killed one leaves traffic flowing.

    Raises: LockgateError: what keeps it from starting, fit for the user.
    """
    configure_logging(settings.log_level)
    kind, _, folder = settings.source.partition(":")
    if kind != "manifests" or not folder:
        msg = f"source {settings.source!r} is not known; use manifests:DIR"
        raise ConfigError(msg)
    if not Path(folder).is_dir():
        msg = f"{folder} is not a folder; name the folder that holds the manifests"
        raise ConfigError(msg)
    if os.geteuid() != 0:
        msg = "the agent programs the kernel, for which it must be root; run it with sudo"
        raise PrivilegeError(msg)
    with node_lock():
        try:
            return asyncio.run(_run(settings, Path(folder), host_addresses(), on_ready))
        except BpfError as error:
            raise _explain(error) from error


def _explain(error: BpfError) -> LockgateError:
    """Return what this host lacks, with the fix for each, where that is why the kernel refused.

    Looked for only after a refusal, since trying everything takes a second.
    """
    missing = [probe for probe in probe_all() if not probe.ok]
    if not missing:
        return error
    listed = "; ".join(f"{probe.name}: {probe.detail} (fix: {probe.fix})" for probe in missing)
    return PrivilegeError(f"this host cannot run the agent yet: {listed}")


async def _run(
    settings: Settings, folder: Path, addresses: list[str], on_ready: Callable[[str], None]
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    node = Node(settings, folder, addresses)
    try:
        await node.start()
        on_ready(
            f"ready http://127.0.0.1:{settings.http_port} https://127.0.0.1:{settings.https_port}"
        )
        await node.serve_until(stop)
    finally:
        await node.stop()
    return 0
