"""Headers of datagrams that are sent in another's name."""

from __future__ import annotations

import socket

import pytest

from agent.udp import datagram


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("payload", [b"", b"a", b"odd", bytes(3000), b"\xff" * 1001])
def test_ports_length_and_sum_are_right(loopback: str, payload: bytes) -> None:
    family = socket.AF_INET6 if ":" in loopback else socket.AF_INET
    made = datagram((loopback, 53), (loopback, 4000), payload)
    assert made[:6] == b"".join(
        number.to_bytes(2, "big") for number in (53, 4000, 8 + len(payload))
    )
    # What a receiver sums over the ends, the header and the payload is nothing but ones.
    ends = socket.inet_pton(family, loopback) * 2
    whole = ends + (17).to_bytes(2, "big") + len(made).to_bytes(2, "big") + made
    whole += b"\0" * (len(whole) % 2)
    words = [int.from_bytes(whole[at : at + 2], "big") for at in range(0, len(whole), 2)]
    assert sum(words) % 0xFFFF == 0
