"""The gRPC server Envoy talks to: aggregated delta discovery and access logs, on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lockgate.errors import XdsError
from xds import codec
from xds.access_log import HttpLogEntry, LogReader
from xds.snapshot import SnapshotCache
from xds.stream import DeltaStream

LogHandler = Callable[[HttpLogEntry], None]
_DISCOVERY = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_ACCESS_LOG = "envoy.service.accesslog.v3.AccessLogService"
_UNLIMITED = -1


def _ignore_log(entry: HttpLogEntry) -> None:
    del entry


class XdsServer:
    """Serves a cache to Envoy; requests and responses stay bytes in gRPC itself."""

    def __init__(
        self, socket: Path, cache: SnapshotCache, on_log: LogHandler = _ignore_log
    ) -> None:
        self.socket = socket
        self.cache = cache
        self.on_log = on_log
        self.responses = 0
        """Discovery responses sent since the start."""
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen, with a socket that only its owner may use.

        Raises: XdsError: the socket cannot be bound.
        """
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _UNLIMITED)])
        server.add_generic_rpc_handlers(
            (
                _handlers(_DISCOVERY, {"DeltaAggregatedResources": self._discover}),
                _handlers(_ACCESS_LOG, {"StreamAccessLogs": self._take_logs}),
            )
        )
        before = os.umask(0o177)  # the socket must never exist with wider rights
        try:
            server.add_insecure_port(f"unix:{self.socket}")
        except RuntimeError as error:
            msg = f"cannot listen on {self.socket}: {error}"
            raise XdsError(msg) from error
        finally:
            os.umask(before)
        await server.start()
        self.socket.chmod(0o600)
        self._server = server

    async def stop(self) -> None:
        """Close all streams; Envoy keeps what it has and connects again to the next server."""
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None
        self.socket.unlink(missing_ok=True)

    async def _discover(self, _requests: object, context: Any) -> None:
        stream = DeltaStream(self.cache)
        self.cache.attach(stream)
        writer = asyncio.create_task(self._write(stream, context))
        try:
            while (body := await context.read()) is not grpc.aio.EOF:
                stream.receive(body)
        except XdsError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            self.cache.detach(stream)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, grpc.RpcError):
                await writer

    async def _write(self, stream: DeltaStream, context: Any) -> None:
        while True:
            await stream.wake.wait()
            stream.wake.clear()
            while (body := stream.next_response()) is not None:
                self.responses += 1
                await context.write(body)

    async def _take_logs(self, _requests: object, context: Any) -> bytes:
        reader = LogReader()
        try:
            while (body := await context.read()) is not grpc.aio.EOF:
                for entry in reader.read(body):
                    self.on_log(entry)
        except XdsError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return codec.encode("envoy.service.accesslog.v3.StreamAccessLogsResponse", {})


def _handlers(service: str, methods: dict[str, Callable[..., Any]]) -> grpc.GenericRpcHandler:
    """Return handlers whose messages are bytes on both sides."""
    made = {
        name: (
            grpc.stream_stream_rpc_method_handler(method)
            if service == _DISCOVERY
            else grpc.stream_unary_rpc_method_handler(method)
        )
        for name, method in methods.items()
    }
    return grpc.method_handlers_generic_handler(service, made)
