"""The agent: puts the parts together, runs them until told to stop, and takes them down."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from agent.lock import node_lock
from agent.node import Node
from lockgate.errors import ConfigError
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
    with node_lock():
        return asyncio.run(_run(settings, Path(folder), on_ready))


async def _run(settings: Settings, folder: Path, on_ready: Callable[[str], None]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    node = Node(settings, folder)
    try:
        await node.start()
        on_ready(
            f"ready http://127.0.0.1:{settings.http_port} https://127.0.0.1:{settings.https_port}"
        )
        await node.serve_until(stop)
    finally:
        await node.stop()
    return 0
