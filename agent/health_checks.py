"""Answers outside load balancers that ask whether this node has endpoints of a Service.

Source: Kubernetes API ``core/v1``, ``healthCheckNodePort``; the answers have kube-proxy's form.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Final

import orjson

from agent.cursor import Cursor
from agent.declared import Key
from agent.forwarding.tables import HealthCheck
from lockgate.model.meta import Problem
from lockgate.state import Table

REQUEST_S: Final = 5.0
"""How long a client may take for its request."""
MAX_HEADER_LINES: Final = 100


class HealthChecks:
    """One listener for each row of a table; ``host`` None is every address."""

    def __init__(self, table: Table[Key, HealthCheck], host: str | None = None) -> None:
        self._table = table
        self._host = host
        self._cursor = Cursor(table)
        self._servers: dict[Key, tuple[int, asyncio.Server]] = {}
        self._failed: dict[Key, Problem] = {}

    def problems(self) -> list[Problem]:
        """Return the ports that could not be listened on, sorted."""
        return sorted(self._failed.values())

    async def serve(self) -> None:
        """Listen on what the table has now; a port that failed is tried again at each call."""
        pending = self._cursor.pending()
        for key, row in pending.items():
            held = self._servers.get(key)
            if held is not None and (row is None or row.port != held[0]):
                held[1].close()
                del self._servers[key]
        # All that is given up is free by now for whoever takes it over.
        for key, row in sorted(pending.items()):
            self._failed.pop(key, None)
            if row is not None and key not in self._servers:
                await self._listen(key, row)
            if key not in self._failed:
                self._cursor.done(key)

    async def close(self) -> None:
        """Stop listening."""
        for _, server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _listen(self, key: Key, row: HealthCheck) -> None:
        try:
            server = await asyncio.start_server(partial(self._answer, key), self._host, row.port)
        except OSError as error:
            self._failed[key] = Problem(
                row.service, "spec.healthCheckNodePort", "PortInUse",
                f"this node cannot listen on {row.port}: {error.strerror or error}",
                "free the port on the node, or choose another one",
            )  # fmt: skip
        else:
            self._servers[key] = row.port, server

    async def _answer(
        self, key: Key, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(REQUEST_S):
                for _ in range(MAX_HEADER_LINES):
                    if not (await reader.readline()).strip():
                        break
                writer.write(_response(self._table.get(key), key))
                await writer.drain()
        writer.close()


def _response(row: HealthCheck | None, key: Key) -> bytes:
    count = 0 if row is None else row.endpoints
    body = orjson.dumps({"service": {"namespace": key[0], "name": key[1]}, "localEndpoints": count})
    head = (
        f"HTTP/1.1 {'200 OK' if count else '503 Service Unavailable'}\r\n"
        "Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
        f"X-Load-Balancing-Endpoint-Weight: {count}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
