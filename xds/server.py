"""The gRPC server Envoy talks to: discovery in both variants, and access logs."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lockgate.errors import XdsError
from xds import codec
from xds.access import TcpListener, cache_for, certificate_nodes, server_credentials
from xds.access_log import HttpLogEntry, LogReader
from xds.delta import DeltaStream
from xds.gate import SocketGate
from xds.requests import MAX_REQUEST_BYTES, BadRequest
from xds.services import DISCOVERY_SERVICES, DiscoveryService
from xds.snapshot import SnapshotCache
from xds.sotw import SotwStream
from xds.stream import Stream

LogHandler = Callable[[HttpLogEntry], None]
_ACCESS_LOG = "envoy.service.accesslog.v3.AccessLogService"
_REQUESTS = {
    SotwStream: "envoy.service.discovery.v3.DiscoveryRequest",
    DeltaStream: "envoy.service.discovery.v3.DeltaDiscoveryRequest",
}
_SSL = b"ssl"
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.so_reuseport", 0),  # a second server on our address is a mistake to be told
)


def _ignore_log(entry: HttpLogEntry) -> None:
    del entry


class XdsServer:
    """Serves a cache to Envoy; requests and responses stay bytes in gRPC itself.

    Args:
        socket: where the node's own processes connect, judged by mode and user.
        cache: what they get.
        on_log: told of every access log entry.
        tcp: where remote nodes connect with their certificates, if at all.
    """

    def __init__(
        self,
        socket: Path,
        cache: SnapshotCache,
        on_log: LogHandler = _ignore_log,
        tcp: TcpListener | None = None,
    ) -> None:
        self.cache = cache
        self.on_log = on_log
        self.tcp = tcp
        self.sent: Counter[str] = Counter()
        """Since the start: ``responses``, ``resources`` and ``bytes`` of discovery."""
        self._socket = socket
        self._gate: SocketGate | None = None
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises: XdsError: an address cannot be bound, or a TLS file not be read.
        """
        self._gate = SocketGate(self._socket)
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(
            [self._discovery(service) for service in DISCOVERY_SERVICES]
        )
        logs = {"StreamAccessLogs": grpc.stream_unary_rpc_method_handler(self._take_logs)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_ACCESS_LOG, logs),))
        try:
            server.add_insecure_port(f"unix:{self._gate.inner}")
            if self.tcp is not None:
                server.add_secure_port(self.tcp.address, server_credentials(self.tcp.tls))
        except (RuntimeError, OSError) as error:
            await self._gate.close()
            raise XdsError(f"cannot serve xDS: {error}") from error
        await server.start()
        await self._gate.open()
        self._server = server

    async def stop(self) -> None:
        """Close all streams; Envoy keeps what it has and connects again to the next server."""
        if self._gate is not None:
            await self._gate.close()
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None

    def _discovery(self, service: DiscoveryService) -> grpc.GenericRpcHandler:
        variants = ((service.sotw, SotwStream), (service.delta, DeltaStream))
        methods = {
            method: grpc.stream_stream_rpc_method_handler(
                partial(self._discover, variant, service.served)
            )
            for method, variant in variants
            if method
        }
        return grpc.method_handlers_generic_handler(service.name, methods)

    async def _discover(
        self,
        variant: type[SotwStream | DeltaStream],
        served: str,
        _requests: object,
        context: Any,
    ) -> None:
        try:
            body = await context.read()
            if body is grpc.aio.EOF:
                return
            stream = variant(self._cache_of(context, _REQUESTS[variant], body), served)
            await self._converse(stream, body, context)
        except BadRequest as error:
            await context.abort(grpc.StatusCode[error.code], str(error))
        except XdsError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def _cache_of(self, context: Any, request_name: str, body: bytes) -> SnapshotCache:
        peer = context.auth_context()
        if self.tcp is None or _SSL not in peer.get("transport_security_type", ()):
            return self.cache  # by the Unix socket: the gate has judged who it is
        request: Any = codec.decode(request_name, body)
        nodes = certificate_nodes(peer)
        return cache_for(request.node.id, nodes, self.tcp.caches)

    async def _converse(self, stream: Stream, first: bytes, context: Any) -> None:
        stream.cache.attach(stream)
        writer: asyncio.Task[None] | None = None
        try:
            stream.receive(first)
            writer = asyncio.create_task(self._write(stream, context))
            while (body := await context.read()) is not grpc.aio.EOF:
                stream.receive(body)
        finally:
            stream.close()
            stream.cache.detach(stream)
            if writer is not None:
                writer.cancel()
                with contextlib.suppress(asyncio.CancelledError, grpc.RpcError):
                    await writer

    async def _write(self, stream: Stream, context: Any) -> None:
        while True:
            await stream.wake.wait()
            stream.wake.clear()
            while (body := stream.next_response()) is not None:
                self.sent.update(responses=1, bytes=len(body), resources=stream.last_sent)
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
