"""The Unix socket's door: lets in by the peer's user, as the kernel names it.

gRPC for Python does not show a peer's credentials, so the socket that clients see is ours, and
what they say is passed on to gRPC's own socket, which nobody else can reach.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
from pathlib import Path

import structlog

from lockgate.errors import XdsError

log = structlog.get_logger()
_BACKLOG = 1024
"""Connections that may wait: every client connects again at once after a restart."""
_CREDENTIALS = struct.Struct("=iII")
"""``struct ucred``: process, user and group id."""


class SocketGate:
    """Listens on a socket with mode 0600; only root and the agent's user get through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._private = path.with_name(f"{path.name}.private")
        shutil.rmtree(self._private, ignore_errors=True)  # of an agent that was killed
        self._private.mkdir(mode=0o700, parents=True)
        self.inner = self._private / "grpc.sock"
        """Where the server behind the gate listens."""
        self._allowed = {0, os.geteuid()}
        self._server: asyncio.Server | None = None
        self._outer: set[asyncio.Transport] = set()

    async def open(self) -> None:
        """Begin to listen.

        Raises: XdsError: the socket cannot be bound.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        before = os.umask(0o177)  # the socket must never exist with wider rights
        try:
            self._server = await loop.create_unix_server(
                lambda: _Outer(self), self.path, backlog=_BACKLOG
            )
        except OSError as error:
            raise XdsError(f"cannot listen on {self.path}: {error}") from error
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Cut all connections and remove the sockets."""
        if self._server is not None:
            self._server.close()
            for transport in self._outer:
                transport.abort()
            self._server = None
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self._private, ignore_errors=True)

    def admit(self, transport: asyncio.Transport) -> bool:
        """Tell whether a connection may pass, and keep it until :meth:`forget`."""
        pid, user = _peer(transport.get_extra_info("socket"))
        if user not in self._allowed:
            log.warning("connection refused", socket=str(self.path), pid=pid, user=user)
            return False
        self._outer.add(transport)
        return True

    def forget(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended."""
        self._outer.discard(transport)


class _Half(asyncio.Protocol):
    """One of two connections that are joined: what comes in here goes out there."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    # A peer that does not read stops the other from sending: nothing piles up here.

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


class _Outer(_Half):
    """The connection of a client; the one behind it is made when it is let in."""

    def __init__(self, gate: SocketGate) -> None:
        super().__init__()
        self._gate = gate
        self._joining: asyncio.Task[None] | None = None
        self._joined = False
        self._early = bytearray()
        """What came before both connections were there; asyncio may read a little even from a
        connection that is paused as soon as it is made (until CPython 3.11.3)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        if not self._gate.admit(self.transport):
            self.transport.abort()
            return
        self.transport.pause_reading()
        self._joining = asyncio.ensure_future(self._join(self.transport))

    def data_received(self, data: bytes) -> None:
        if not self._joined:
            self._early += data
        else:
            super().data_received(data)

    async def _join(self, transport: asyncio.Transport) -> None:
        inner = self.other = _Half()
        inner.other = self
        try:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: inner, str(self._gate.inner))
            self._joined = True
            if self._early:
                super().data_received(bytes(self._early))
                self._early.clear()
            transport.resume_reading()
        except OSError:
            transport.abort()  # the server has ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.transport is not None:
            self._gate.forget(self.transport)


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Return process and user id of the other end of a Unix socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _group = _CREDENTIALS.unpack(raw)
    return pid, user
