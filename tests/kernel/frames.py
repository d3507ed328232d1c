"""Frames, right and wrong, byte by byte."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

IPV4, IPV6, VLAN, ARP = 0x0800, 0x86DD, 0x8100, 0x0806
MARKER = b"lg-hostile"
"""In the payload of every frame, so that it is known where it arrives."""


@dataclass(frozen=True)
class Ends:
    """Whom a frame says it is from and for."""

    source: str
    destination: str
    source_mac: bytes
    destination_mac: bytes

    @property
    def packed(self) -> tuple[bytes, bytes]:
        """Return the addresses as they are in a header."""
        family = socket.AF_INET6 if ":" in self.destination else socket.AF_INET
        return socket.inet_pton(family, self.source), socket.inet_pton(family, self.destination)

    def frame(self, kind: int, body: bytes, *tags: int) -> bytes:
        """Return a frame with VLAN tags before its own type."""
        tagged = b"".join(struct.pack("!HH", VLAN, tag) for tag in tags)
        return self.destination_mac + self.source_mac + tagged + struct.pack("!H", kind) + body


def ipv4(
    ends: Ends, protocol: int, body: bytes, *, place: int = 0, ttl: int = 64, words: int = 5
) -> bytes:
    """Return an IPv4 packet; ``place`` is the field of fragments, ``words`` the header's length."""
    source, destination = ends.packed
    head = struct.pack(
        "!BBHHHBBH", 0x40 | words, 0, 20 + len(body), 7, place, ttl, protocol, 0
    ) + source + destination  # fmt: skip
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + body


def ipv6(ends: Ends, protocol: int, body: bytes, *, hops: int = 64) -> bytes:
    """Return an IPv6 packet."""
    source, destination = ends.packed
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, hops) + source + destination + body


def tcp(port: int, *, flags: int = 0x02, source: int = 4000) -> bytes:
    """Return a TCP segment: by default one that opens."""
    return struct.pack("!HHIIBBHHH", source, port, 1, 0, 0x50, flags, 1024, 0, 0) + MARKER


def udp(port: int, *, source: int = 4000) -> bytes:
    """Return a datagram without a checksum."""
    return struct.pack("!HHHH", source, port, 8 + len(MARKER), 0) + MARKER


def icmp(kind: int, body: bytes = b"", code: int = 0) -> bytes:
    """Return a message of either ICMP; the sum is left to be wrong."""
    return struct.pack("!BBHI", kind, code, 0, 0) + body + MARKER


def _checksum(head: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(head) // 2}H", head))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
