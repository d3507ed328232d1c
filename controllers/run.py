"""Runs the operator as a process, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog

from controllers.operator import Operator
from lockgate.log import configure_logging
from lockgate.settings import OperatorSettings

log = structlog.get_logger()


def run(settings: OperatorSettings) -> int:
    """Run an operator in the foreground until SIGINT or SIGTERM; return an exit code.

    Raises: LockgateError: what keeps it from starting, fit for the user.
    """
    configure_logging(settings.log_level)
    return asyncio.run(_run(Operator(settings)))


async def _run(operator: Operator) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.create_task(operator.run(), name="operator")
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        log.info("stopping")
    finally:
        for task in (waiting, work):
            task.cancel()
        await asyncio.gather(waiting, work, return_exceptions=True)
    return 0
