"""Delta ADS seen by a client: what is sent, when, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any

from lockgate.model.meta import ObjectRef
from tests.protocol.snapshots import filled
from xds import codec
from xds.delta import DeltaStream
from xds.resource import CLUSTER, ENDPOINTS, LISTENER, ROUTES, Resource, framed
from xds.snapshot import SnapshotCache

REF = ObjectRef("Ingress", "shop", "web")
_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"


def item(type_url: str, name: str, version: str = "1") -> Resource:
    """Return a resource without content."""
    return framed(type_url, name, version, b"", (REF,))


class Client:
    """The other end of one stream."""

    def __init__(self, cache: SnapshotCache) -> None:
        self.stream = DeltaStream(cache)
        cache.attach(self.stream)

    def ask(self, type_url: str, *names: str, **fields: Any) -> None:
        """Send a request that subscribes to names; none at first means all."""
        request = {"type_url": type_url, "resource_names_subscribe": names, **fields}
        self.stream.receive(codec.encode(_REQUEST, request))

    def next(self) -> Any:
        """Return the next response, or None."""
        body = self.stream.next_response()
        return None if body is None else codec.decode(_RESPONSE, body)

    def settle(self, response: Any, error: str = "") -> None:
        """ACK a response, or NACK it with an error."""
        detail = {"error_detail": {"code": 3, "message": error}} if error else {}
        self.ask(response.type_url, response_nonce=response.nonce, **detail)


def names(response: Any) -> list[str]:
    """Return the names of the resources that a response carries."""
    return [entry.name for entry in response.resources]


def test_only_what_changed_is_sent() -> None:
    """After the first sync one changed resource costs one resource, equal content none."""
    cache = filled(item(CLUSTER, "a"), item(CLUSTER, "b"))
    client = Client(cache)
    client.ask(CLUSTER)
    first = client.next()
    assert names(first) == ["a", "b"]
    client.settle(first)
    assert client.next() is None
    assert cache.update([item(CLUSTER, "a")]) == []
    cache.update([item(CLUSTER, "b", "2")])
    assert names(client.next()) == ["b"]


def test_a_stream_wakes_only_for_what_it_subscribed_to() -> None:
    """Another cluster's endpoints do not wake a stream."""
    cache = filled(item(ENDPOINTS, "a"))
    client = Client(cache)
    client.ask(ENDPOINTS, "a")
    client.stream.wake.clear()
    cache.update([item(ENDPOINTS, "b")])
    assert not client.stream.wake.is_set()
    cache.update([item(ENDPOINTS, "a", "2")])
    assert client.stream.wake.is_set()


def test_every_name_asked_for_is_answered() -> None:
    """A name without a resource is answered as removed, once the cache is complete."""
    cache = SnapshotCache()
    client = Client(cache)
    client.ask(ENDPOINTS, "a")
    assert client.next() is None
    cache.ready()
    assert list(client.next().removed_resources) == ["a"]


def test_a_name_asked_for_again_is_sent_again() -> None:
    """A client that subscribes anew has lost the resource, whatever we sent it before."""
    client = Client(filled(item(ENDPOINTS, "a")))
    client.ask(ENDPOINTS, "a")
    client.settle(client.next())
    client.ask(ENDPOINTS, "a")
    assert names(client.next()) == ["a"]


def test_resumed_stream_gets_only_the_difference() -> None:
    """What the client names with equal versions is not sent; what is gone is withdrawn last."""
    cache = SnapshotCache()
    client = Client(cache)
    versions = {"same": "1", "old": "1", "gone": "1"}
    client.ask(CLUSTER, initial_resource_versions=versions)
    assert client.next() is None
    cache.update([item(CLUSTER, "same"), item(CLUSTER, "old", "2")])
    response = client.next()
    assert (names(response), list(response.removed_resources)) == (["old"], [])
    client.settle(response)
    assert client.next() is None
    cache.ready()
    assert list(client.next().removed_resources) == ["gone"]


def test_make_before_break() -> None:
    """New clusters go before routes to them, removals of routes before those of clusters."""
    cache = filled(item(CLUSTER, "old"), item(LISTENER, "l"), item(ROUTES, "r"))
    client = Client(cache)
    client.ask(CLUSTER)
    client.ask(LISTENER)
    client.ask(ROUTES, "r", "s")
    while (response := client.next()) is not None:
        client.settle(response)
    changed = [item(CLUSTER, "new"), item(ROUTES, "r", "2")]
    cache.update(changed, [(CLUSTER, "old"), (LISTENER, "l")])
    order = []
    while (response := client.next()) is not None:
        assert client.next() is None  # the next waits for the acknowledgement
        order.append((response.type_url, names(response), list(response.removed_resources)))
        client.settle(response)
    assert order == [
        (CLUSTER, ["new"], []),
        (ROUTES, ["r"], []),
        (LISTENER, [], ["l"]),
        (CLUSTER, [], ["old"]),
    ]


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """Envoy acknowledges a cluster after its endpoints: those may not wait for that."""
    client = Client(filled(item(CLUSTER, "a"), item(ENDPOINTS, "a")))
    client.ask(CLUSTER)
    assert names(client.next()) == ["a"]
    client.ask(ENDPOINTS, "a")
    assert names(client.next()) == ["a"]


def test_nack_is_narrowed_down_to_the_faulty() -> None:
    """A client that refuses whole responses ends with all but the faulty resources."""
    told: list[tuple[str, ...]] = []
    cache = SnapshotCache(lambda it: told.append((it.name, it.by, str(it.origin[0]))))
    cache.update(item(CLUSTER, f"c{number}") for number in range(16))
    cache.ready()
    client, held, responses = Client(cache), set[str](), 0
    client.ask(CLUSTER)
    while (response := client.next()) is not None:
        responses += 1
        bad = {"c3", "c12"} & set(names(response))
        held |= set() if bad else set(names(response))
        client.settle(response, "refused" if bad else "")
    assert held == {f"c{number}" for number in range(16)} - {"c3", "c12"}
    assert sorted(told) == [("c12", "envoy", str(REF)), ("c3", "envoy", str(REF))]
    assert responses < 20
    cache.update([item(CLUSTER, "c3", "2")])
    assert names(client.next()) == ["c3"]


def test_wait_acked() -> None:
    """Waiting ends with the acknowledgement, the refusal or the time given."""

    async def body() -> None:
        cache = filled(item(CLUSTER, "a"))
        client = Client(cache)
        assert not await cache.wait_acked(CLUSTER, "a", 0.01)
        client.ask(CLUSTER)
        response = client.next()
        waiting = asyncio.create_task(cache.wait_acked(CLUSTER, "a", 5))
        await asyncio.sleep(0)
        client.settle(response)
        assert await waiting
        cache.update([item(CLUSTER, "a", "2")])
        client.settle(client.next(), "no")
        assert not await cache.wait_acked(CLUSTER, "a", 5)

    asyncio.run(body())
