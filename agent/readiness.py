"""Readiness probes, sent from the host as a kubelet sends them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from lockgate.model.workload import Container, Pod, Probe

PROBE_TIMEOUT_S: Final = 1.0
FIRST_PERIOD_S: Final = 0.15
"""Between probes until the first success, so that a start is not slowed by a long period."""


def probe_port(pod: Pod, container: Container, probe: Probe) -> int | None:
    """Return the number of a probe's port; a name is looked up in its container, then its pod."""
    if isinstance(probe.port, int):
        return probe.port
    own = {port.name: port.port for port in container.ports}
    named = pod.named_ports().get(probe.port)
    return own.get(probe.port, named[0] if named else None)


async def probe_once(address: str, port: int, http_path: str) -> bool:
    """Connect, and if there is a path, ask for it; statuses 200 to 399 are success."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                return not http_path or await _get(reader, writer, f"{address}:{port}", http_path)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError):
        return False


async def _get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> bool:
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: lockgate-probe\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n".encode()
    )
    words = (await reader.readline()).split()
    return len(words) > 1 and words[1].isdigit() and 200 <= int(words[1]) < 400


async def follow(
    address: str, port: int, probe: Probe, on_change: Callable[[bool], None], *, ready: bool
) -> None:
    """Probe for ever and report changes; ``ready`` is what is known already."""
    failures = 0
    seen = ready
    while True:
        if await probe_once(address, port, probe.http_path):
            failures = 0
            if not ready:
                ready = seen = True
                on_change(ready)
        else:
            failures += 1
            if ready and failures >= probe.failure_threshold:
                ready = False
                on_change(ready)
        await asyncio.sleep(probe.period_s if seen else FIRST_PERIOD_S)
