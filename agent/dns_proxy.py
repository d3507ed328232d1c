"""The DNS proxy: sockets for each DNS rule set and IP family, to which the kernel redirects.

The sockets are transparent: what arrives was meant for a DNS server, and the answer leaves in that
server's name. Queries go upstream from the host's own address, so a server that is a pod here is
asked by the host, which may always reach it. While no agent runs, redirected queries are dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import structlog

from agent import dns_messages, udp
from bpf.host import has_ipv6
from lockgate.ir import marks

log = structlog.get_logger()

UPSTREAM_TIMEOUT_S = 5.0
MAX_IN_FLIGHT = 1024
"""Queries of one rule set waiting for an answer; more are dropped, as a full socket would."""
_MAX_DATAGRAM = 65535
_CONTROL_SIZE = 64
"""Room for an original destination."""

Address = tuple[str, int]
Learn = Callable[[str, list[tuple[str, float]]], Awaitable[None]]
"""Told a name and its (address, TTL) pairs; returns when they are in force."""


@dataclass(frozen=True, slots=True)
class _Family:
    """What an IP family calls the options that we need; numbers are Linux's."""

    number: socket.AddressFamily
    loopback: str
    level: int
    transparent: int
    original_destination: int


_FAMILIES = (
    _Family(socket.AF_INET, "127.0.0.1", socket.SOL_IP, 19, 20),
    _Family(socket.AF_INET6, "::1", socket.IPPROTO_IPV6, 75, 74),
)


class DnsProxy:
    """Serves the rule sets it is given, each on its port of the loopback."""

    def __init__(self, learn: Learn, reject: str) -> None:
        self._learn = learn
        self._reject = reject
        self._listeners: dict[str, _Listener] = {}
        self.failures: tuple[str, ...] = ()
        """Why rule sets are not served; they are tried again with the next change."""
        self.malformed = 0
        """Datagrams that were no query."""

    async def serve(self, wanted: Mapping[str, tuple[int, tuple[str, ...]]]) -> None:
        """Listen for exactly these rule sets: name to port and patterns.

        One whose port cannot be had is among ``failures``; its queries are dropped.
        """
        for name in self._listeners.keys() - wanted.keys():
            await self._listeners.pop(name).close()
        failures: list[str] = []
        for name in sorted(wanted.keys() - self._listeners.keys()):
            port, patterns = wanted[name]
            listener = _Listener(self, port, patterns)
            try:
                await listener.open()
            except OSError as error:
                await listener.close()
                failures.append(f"DNS rules need port {port} on loopback: {error.strerror}")
            else:
                self._listeners[name] = listener
        self.failures = tuple(failures)

    async def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners.values():
            await listener.close()
        self._listeners.clear()

    async def answer(
        self, wire: bytes, patterns: tuple[str, ...], server: Address, *, tcp: bool
    ) -> bytes | None:
        """Return the answer to a query for a server, or None if there is none."""
        query = dns_messages.read_query(wire)
        if query is None:
            self.malformed += 1
            return None
        name = dns_messages.name_of(query)
        if not dns_messages.is_allowed(name, patterns):
            log.info("dns query refused", name=name, server=server[0])
            return dns_messages.rejection(query, self._reject)
        ask = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        try:
            found = await ask(query, server[0], UPSTREAM_TIMEOUT_S, server[1])
        except (dns.exception.DNSException, OSError, EOFError) as error:
            log.info("dns server did not answer", name=name, server=server[0], why=str(error))
            return None
        addresses = dns_messages.addresses_of(found)
        if addresses:
            await self._learn(name, addresses)
        return found.to_wire()


class _Listener:
    """The sockets of one rule set."""

    def __init__(self, proxy: DnsProxy, port: int, patterns: tuple[str, ...]) -> None:
        self._proxy = proxy
        self._port = port
        self._patterns = patterns
        self._datagrams: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        for family in _FAMILIES if has_ipv6() else _FAMILIES[:1]:
            await self._open(family)

    async def _open(self, family: _Family) -> None:
        datagrams = _transparent(family, socket.SOCK_DGRAM)
        self._datagrams.append(datagrams)
        datagrams.setsockopt(family.level, family.original_destination, 1)
        datagrams.bind((family.loopback, self._port))
        streams = _transparent(family, socket.SOCK_STREAM)
        try:
            streams.bind((family.loopback, self._port))
            self._servers.append(await asyncio.start_server(self._on_stream, sock=streams))
        except OSError:
            streams.close()
            raise
        asyncio.get_running_loop().add_reader(datagrams, self._on_datagrams, family, datagrams)

    async def close(self) -> None:
        for datagrams in self._datagrams:
            asyncio.get_running_loop().remove_reader(datagrams)
            datagrams.close()
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_datagrams(self, family: _Family, datagrams: socket.socket) -> None:
        while True:
            try:
                wire, control, _, client = datagrams.recvmsg(_MAX_DATAGRAM, _CONTROL_SIZE)
            except BlockingIOError:
                return
            server = _original_destination(family, control)
            if server is not None and len(self._tasks) < MAX_IN_FLIGHT:
                self._start(self._answer_datagram(family, wire, client[:2], server))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_datagram(
        self, family: _Family, wire: bytes, client: Address, server: Address
    ) -> None:
        answer = await self._proxy.answer(wire, self._patterns, server, tcp=False)
        if answer is None:
            return
        # A server of this host is bound to the address that the answer must come from.
        kind = socket.SOCK_RAW, socket.IPPROTO_UDP
        with contextlib.suppress(OSError), _transparent(family, *kind) as reply:
            udp.send(reply, server, client, answer)

    async def _on_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = writer.get_extra_info("sockname")[:2]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = await reader.readexactly(length)
                answer = await self._proxy.answer(wire, self._patterns, server, tcp=True)
                if answer is None:
                    break
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        writer.close()


def _transparent(family: _Family, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    """Return a socket that may have others' addresses and whose packets pods take for replies."""
    made = socket.socket(family.number, kind, protocol)
    made.setblocking(False)
    if family.number == socket.AF_INET6 and kind != socket.SOCK_RAW:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(family.level, family.transparent, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, marks.FROM_LISTENER)
    return made


def _original_destination(family: _Family, control: list[tuple[int, int, bytes]]) -> Address | None:
    """Read ``sockaddr_in`` or ``sockaddr_in6``: family, port, for IPv6 a flow label, address."""
    start, size = (4, 4) if family.number == socket.AF_INET else (8, 16)
    for level, kind, data in control:
        if (level, kind) == (family.level, family.original_destination):
            (port,) = struct.unpack_from("!H", data, 2)
            return socket.inet_ntop(family.number, data[start : start + size]), port
    return None
