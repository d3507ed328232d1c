"""The Unix socket's door: lets in by the peer's user, as the kernel names it.

gRPC for Python does not show a peer's credentials, so the socket that clients see is ours, and
what they say is passed on to gRPC's own socket, which nobody else can reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path

import structlog

from lockgate.errors import XdsError

log = structlog.get_logger()
_BACKLOG = 1024
"""Connections that may wait: every client connects again at once after a restart."""
_CHUNK = 256 << 10
_CREDENTIALS = struct.Struct("=iII")
"""``struct ucred``: process, user and group id."""


class SocketGate:
    """Listens on a socket with mode 0600; only root and the agent's user get through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._private = Path(tempfile.mkdtemp(prefix="lg-xds-"))  # its mode is 0700
        self.inner = self._private / "grpc.sock"
        """Where the server behind the gate listens."""
        self._allowed = {0, os.geteuid()}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen.

        Raises: XdsError: the socket cannot be bound.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)  # the socket must never exist with wider rights
        try:
            self._server = await asyncio.start_unix_server(
                self._let_in, self.path, limit=_CHUNK, backlog=_BACKLOG
            )
        except OSError as error:
            raise XdsError(f"cannot listen on {self.path}: {error}") from error
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Cut all connections and remove the sockets."""
        if self._server is not None:
            self._server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            self._server = None
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self._private, ignore_errors=True)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            pid, user = _peer(writer.get_extra_info("socket"))
            if user in self._allowed:
                await self._pass_on(reader, writer)
            else:
                log.warning("connection refused", socket=str(self.path), pid=pid, user=user)
        except (OSError, asyncio.CancelledError):
            pass  # either end is gone, or the agent ends
        finally:
            self._connections.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self.inner, limit=_CHUNK)
        both = [
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copying in both:
                copying.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            inner_writer.close()


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Return process and user id of the other end of a Unix socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _group = _CREDENTIALS.unpack(raw)
    return pid, user


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
