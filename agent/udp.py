"""Datagrams in the name of another: of an address and port that somebody else may be bound to."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

Address = tuple[str, int]
_HEADER = 8


def send(raw: socket.socket, source: Address, destination: Address, payload: bytes) -> None:
    """Send a datagram by a transparent raw socket of protocol UDP.

    Raises: OSError: it cannot be sent, or the socket may not have the source's address.
    """
    raw.bind((source[0], 0))
    raw.sendto(datagram(source, destination, payload), (destination[0], 0))


def datagram(source: Address, destination: Address, payload: bytes) -> bytes:
    """Return header and payload of a datagram.

    Source: RFC 768; RFC 8200, 8.1, for the pseudo-header of IPv6, whose sum is that of IPv4's.
    """
    length = _HEADER + len(payload)
    ports = struct.pack("!HHH", source[1], destination[1], length)
    ends = ip_address(source[0]).packed + ip_address(destination[0]).packed
    pseudo = ends + struct.pack("!HH", socket.IPPROTO_UDP, length)
    # A sum of zero would say that there is none.
    checksum = _checksum(pseudo + ports + b"\0\0" + payload) or 0xFFFF
    return ports + struct.pack("!H", checksum) + payload


def _checksum(data: bytes) -> int:
    """Return the complement of the sum of 16-bit words, in ones' complement (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
