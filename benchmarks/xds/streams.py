"""Many streams on one server: how long one change takes to reach all, or the one concerned."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc.aio

from xds import codec
from xds.resource import ENDPOINTS

_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"
ROUNDS = 20
CHANNELS = 20
Tell = Callable[[str], dict[str, Any]]


class Subscriber:
    """One stream that wants the endpoints of one cluster."""

    def __init__(self, channel: grpc.aio.Channel, name: str) -> None:
        self._call: Any = channel.stream_stream(_METHOD)()
        self._name = name
        self._nonce = ""

    async def begin(self) -> None:
        """Subscribe and read the first answer."""
        await self._send({"resource_names_subscribe": [self._name], "node": {"id": "bench"}})
        await self.next()

    async def next(self) -> None:
        """Read a response and acknowledge it."""
        response: Any = codec.decode(_RESPONSE, await self._call.read())
        await self._send({"response_nonce": response.nonce})

    async def _send(self, fields: dict[str, Any]) -> None:
        await self._call.write(codec.encode(_REQUEST, {"type_url": ENDPOINTS, **fields}))


async def fan_out(socket: Path, tell: Tell, count: int) -> dict[str, float]:
    """Return milliseconds (medians) for ``count`` streams of one cluster, then of their own."""
    channels = [
        grpc.aio.insecure_channel(f"unix:{socket}", [("grpc.use_local_subchannel_pool", 1)])
        for _ in range(CHANNELS)
    ]
    try:
        same = [Subscriber(channels[number % CHANNELS], "c00000") for number in range(count)]
        all_ms = await _rounds(same, same, tell, 0)
        own = [
            Subscriber(channels[number % CHANNELS], f"c{number + 1:05}") for number in range(count)
        ]
        one_ms = await _rounds(own, [own[6]], tell, 7)
        return {"change_reaches_all_ms": all_ms, "change_reaches_the_one_concerned_ms": one_ms}
    finally:
        for channel in channels:
            await channel.close()


async def _rounds(
    streams: list[Subscriber], concerned: list[Subscriber], tell: Tell, cluster: int
) -> float:
    await asyncio.gather(*(stream.begin() for stream in streams))
    taken = []
    for number in range(ROUNDS):
        reading = asyncio.gather(*(stream.next() for stream in concerned))
        await asyncio.sleep(0.05)  # everybody waits
        begin = time.perf_counter()
        await asyncio.to_thread(tell, f"endpoint {cluster} {2000 + number}")
        await reading
        taken.append(time.perf_counter() - begin)
    return round(statistics.median(taken) * 1e3, 2)
