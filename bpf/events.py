"""Verdicts as the kernel reports them: the first packet of a connection, and drops."""

from __future__ import annotations

import mmap
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bpf import maps

REASONS: Final = (
    "forwarded", "redirected", "no rule allows it", "denied by a rule",
    "source address is not the pod's",
    "no proxy listener", "packet cannot be parsed", "policy changed", "no proxy connection",
    "no backend of the service", "unknown endpoint",
    "fragment without its first", "event not reported", "would be dropped: audited",
    "client is not among the source ranges", "no port left for translation",
    "no route to the backend", "translated",
)  # fmt: skip
"""By number, as in ``programs/datapath.h``."""
DIRECTIONS: Final[tuple[Literal["ingress"], Literal["egress"]]] = ("ingress", "egress")
VERDICTS: Final[dict[int, Literal["forwarded", "dropped", "redirected"]]] = {
    1: "forwarded", 2: "dropped", 3: "redirected",
}  # fmt: skip
_BUSY, _DISCARDED, _LENGTH = 1 << 31, 1 << 30, (1 << 30) - 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one packet; ``time`` is in seconds since the epoch."""

    time: float
    direction: Literal["ingress", "egress"]
    verdict: Literal["forwarded", "dropped", "redirected"]
    reason: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    protocol: int
    source_identity: int
    destination_identity: int
    endpoint_id: int


def decode(record: bytes, boot: float) -> Verdict:
    """Read a record of the ring; ``boot`` is when the kernel's clock began, in epoch seconds."""
    (at, source, destination, source_port, destination_port, from_id, to_id, endpoint,
     direction, verdict, protocol, reason, _) = struct.unpack_from(maps.EVENT, record)  # fmt: skip
    return Verdict(
        time=boot + at / 1e9,
        direction=DIRECTIONS[direction],
        verdict=VERDICTS[verdict],
        reason=REASONS[reason],
        source=maps.address_text(source),
        source_port=int.from_bytes(source_port, "big"),
        destination=maps.address_text(destination),
        destination_port=int.from_bytes(destination_port, "big"),
        protocol=protocol,
        source_identity=from_id,
        destination_identity=to_id,
        endpoint_id=endpoint,
    )


class EventReader:
    """Reads the kernel's ring; there must be only one reader."""

    def __init__(self, ring: maps.Map, callback: Callable[[Verdict], None]) -> None:
        page = mmap.PAGESIZE
        self._size = ring.spec.entries
        self._page = page
        self._callback = callback
        self._consumer = mmap.mmap(ring.fd, page)
        # The kernel maps the data twice in a row, so that a record never wraps.
        self._producer = mmap.mmap(ring.fd, page + 2 * self._size, prot=mmap.PROT_READ, offset=page)
        self._poll = select.epoll()
        self._poll.register(ring.fd, select.EPOLLIN)

    def poll(self, timeout_ms: int) -> int:
        """Hand over what there is, waiting up to ``timeout_ms`` for the first; return how many."""
        done = self._drain()
        if done or not self._poll.poll(timeout_ms / 1000):
            return done
        return self._drain()

    def close(self) -> None:
        """Stop reading; the kernel keeps writing until the ring is full."""
        self._poll.close()
        self._consumer.close()
        self._producer.close()

    def _drain(self) -> int:
        (position,) = struct.unpack_from("@Q", self._consumer)
        boot = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
        done = 0
        while position < struct.unpack_from("@Q", self._producer)[0]:
            at = self._page + position % self._size
            (header,) = struct.unpack_from("@I", self._producer, at)
            if header & _BUSY:
                break
            length = header & _LENGTH
            record = self._producer[at + 8 : at + 8 + length]
            position += (length + 8 + 7) & ~7
            struct.pack_into("@Q", self._consumer, 0, position)
            if not header & _DISCARDED:
                self._callback(decode(record, boot))
                done += 1
        return done
