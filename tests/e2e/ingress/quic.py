"""A client of HTTP/3."""

from __future__ import annotations

import asyncio
import ssl

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

TIMEOUT_S = 10.0


class _Client(QuicConnectionProtocol):
    _http: H3Connection | None = None

    def ask(self, host: str, path: str) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; its status and body come when they are whole."""
        assert self._http is not None
        self._answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._status, self._body = 0, b""
        pseudo = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path}
        headers = [(name.encode(), value.encode()) for name, value in pseudo.items()]
        self._http.send_headers(self._quic.get_next_available_stream_id(), headers, end_stream=True)
        self.transmit()
        return self._answer

    def quic_event_received(self, event: QuicEvent) -> None:
        """Read what comes of the answer."""
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for part in self._http.handle_event(event):
            self._take(part)

    def _take(self, part: H3Event) -> None:
        if isinstance(part, HeadersReceived):
            self._status = int(dict(part.headers)[b":status"])
        if isinstance(part, DataReceived):
            self._body += part.data
        if isinstance(part, DataReceived | HeadersReceived) and part.stream_ended:
            self._answer.set_result((self._status, self._body))


def ask(port: int, host: str, path: str = "/") -> tuple[int, bytes]:
    """Send a request over HTTP/3 to a port of this host; return status and body."""

    async def body() -> tuple[int, bytes]:
        said = QuicConfiguration(
            alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name=host
        )
        client = connect("127.0.0.1", port, configuration=said, create_protocol=_Client)
        async with client as protocol:
            assert isinstance(protocol, _Client)
            return await asyncio.wait_for(protocol.ask(host, path), TIMEOUT_S)

    return asyncio.run(body())
