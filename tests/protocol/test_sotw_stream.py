"""State-of-the-world ADS seen by a client: what is sent, when, and as which version."""

from __future__ import annotations

from typing import Any

from lockgate.model.meta import ObjectRef
from tests.protocol.snapshots import filled
from xds import codec
from xds.resource import CLUSTER, ENDPOINTS, EXTENSION, LISTENER, ROUTES, Resource, framed
from xds.snapshot import SnapshotCache
from xds.sotw import SotwStream

REF = ObjectRef("Ingress", "shop", "web")


def item(type_url: str, name: str, version: str = "1") -> Resource:
    """Return a resource whose content is its name and version."""
    value = f"{name} {version}".encode()
    body = codec.encode("google.protobuf.Any", {"type_url": type_url, "value": value})
    return framed(type_url, name, version, body, (REF,))


class Client:
    """The other end of one stream."""

    def __init__(self, cache: SnapshotCache) -> None:
        self.stream = SotwStream(cache)
        self.names: dict[str, tuple[str, ...]] = {}
        cache.attach(self.stream)

    def ask(self, type_url: str, *names: str, **fields: Any) -> None:
        """Send a request for names."""
        self.names[type_url] = names
        request = {"type_url": type_url, "resource_names": names, **fields}
        self.stream.receive(codec.encode("envoy.service.discovery.v3.DiscoveryRequest", request))

    def next(self) -> Any:
        """Return the next response, or None."""
        body = self.stream.next_response()
        name = "envoy.service.discovery.v3.DiscoveryResponse"
        return None if body is None else codec.decode(name, body)

    def settle(self, response: Any, error: str = "") -> None:
        """ACK a response, or NACK it with an error."""
        fields: dict[str, Any] = {"response_nonce": response.nonce}
        if error:
            fields["error_detail"] = {"code": 3, "message": error}
        else:
            fields["version_info"] = response.version_info
        self.ask(response.type_url, *self.names[response.type_url], **fields)


def contents(response: Any) -> list[str]:
    """Return what a response carries."""
    return [entry.value.decode() for entry in response.resources]


def test_clusters_come_whole_and_a_removed_one_is_left_out() -> None:
    cache = filled(item(CLUSTER, "a"), item(CLUSTER, "b"))
    client = Client(cache)
    client.ask(CLUSTER)
    first = client.next()
    assert contents(first) == ["a 1", "b 1"]
    client.settle(first)
    assert client.next() is None
    cache.update([item(CLUSTER, "b", "2")])
    second = client.next()
    assert contents(second) == ["a 1", "b 2"]
    assert second.version_info != first.version_info
    client.settle(second)
    cache.update(remove=[(CLUSTER, "a")])
    assert contents(client.next()) == ["b 2"]


def test_endpoints_come_by_what_changed() -> None:
    cache = filled(item(ENDPOINTS, "a"), item(ENDPOINTS, "b"), item(ENDPOINTS, "c"))
    client = Client(cache)
    client.ask(ENDPOINTS, "a", "b")
    client.settle(client.next())
    cache.update([item(ENDPOINTS, "b", "2"), item(ENDPOINTS, "c", "2")])
    assert contents(client.next()) == ["b 2"]


def test_names_may_be_added_and_dropped() -> None:
    cache = filled(item(ENDPOINTS, "a"), item(ENDPOINTS, "b"))
    client = Client(cache)
    client.ask(ENDPOINTS, "a")
    response = client.next()
    client.names[ENDPOINTS] = ("b",)
    client.settle(response)
    response = client.next()
    assert contents(response) == ["b 1"]
    client.settle(response)
    cache.update([item(ENDPOINTS, "a", "2")])
    assert client.next() is None


def test_every_request_is_answered_also_with_nothing() -> None:
    """An Envoy without an answer would wait before it serves."""
    client = Client(filled())
    client.ask(CLUSTER)
    client.ask(EXTENSION, "rules")
    answers = [client.next(), client.next()]
    assert [(answer.type_url, contents(answer)) for answer in answers] == [
        (CLUSTER, []),
        (EXTENSION, []),
    ]
    assert client.next() is None


def test_listeners_that_wait_for_clusters_are_not_answered_with_none() -> None:
    """An Envoy that connects again would close all it has."""
    client = Client(filled(item(CLUSTER, "c"), item(LISTENER, "l")))
    client.ask(CLUSTER)
    client.ask(LISTENER, version_info="older")
    first = client.next()
    assert contents(first) == ["c 1"]
    assert client.next() is None
    client.settle(first)
    assert contents(client.next()) == ["l 1"]


def test_a_name_without_a_resource_is_answered_with_an_empty_one() -> None:
    """So that a cluster without endpoints does not wait for them, nor keep those it had."""
    cache = filled(item(ENDPOINTS, "a"))
    client = Client(cache)
    client.ask(ENDPOINTS, "a", "none")
    first = client.next()
    made = codec.decode("envoy.config.endpoint.v3.ClusterLoadAssignment", first.resources[1].value)
    assert contents(first)[0] == "a 1"
    assert made == codec.build(
        "envoy.config.endpoint.v3.ClusterLoadAssignment", {"cluster_name": "none"}
    )
    client.settle(first)
    cache.update(remove=[(ENDPOINTS, "a")])
    assert [entry.value for entry in client.next().resources] == [b"\n\x01a"]
    assert client.next() is None


def test_a_resumed_stream_with_the_present_version_gets_nothing() -> None:
    cache = filled(item(CLUSTER, "a"), item(ROUTES, "r"))
    first = Client(cache)
    first.ask(CLUSTER)
    version = first.next().version_info
    again = Client(cache)
    again.ask(CLUSTER, version_info=version)
    assert again.next() is None
    assert cache.held_version(CLUSTER, "a") == "1"
    cache.update([item(CLUSTER, "b")])
    assert contents(again.next()) == ["a 1", "b 1"]
    old = Client(cache)
    old.ask(CLUSTER, version_info="from the future")
    assert contents(old.next()) == ["a 1", "b 1"]


def test_nothing_is_cut_down_before_all_is_known() -> None:
    """Half of the clusters would have Envoy remove the other half."""
    cache = SnapshotCache()
    cache.update([item(CLUSTER, "a")])
    client = Client(cache)
    client.ask(CLUSTER, version_info="of another agent")
    assert client.next() is None
    cache.update([item(CLUSTER, "b")])
    cache.ready()
    assert contents(client.next()) == ["a 1", "b 1"]


def test_a_refused_cluster_keeps_its_last_good_version() -> None:
    """The others of that push get through, the faulty one is sent as it was before."""
    told: list[tuple[str, str]] = []
    cache = SnapshotCache(lambda it: told.append((it.name, it.version)))
    cache.update([item(CLUSTER, name) for name in "abcd"])
    cache.ready()
    client = Client(cache)
    client.ask(CLUSTER)
    client.settle(client.next())
    cache.update([item(CLUSTER, name, "2") for name in "abcd"])
    last: list[str] = []
    while (response := client.next()) is not None:
        shown = contents(response)
        assert [text[0] for text in shown] == list("abcd")
        bad = "c 2" in shown
        last = last if bad else shown
        client.settle(response, "refused" if bad else "")
    assert last == ["a 2", "b 2", "c 1", "d 2"]
    assert told == [("c", "2")]
    cache.update([item(CLUSTER, "c", "3")])
    assert contents(client.next()) == ["a 2", "b 2", "c 3", "d 2"]


def test_an_answer_to_an_older_response_changes_nothing() -> None:
    cache = filled(item(CLUSTER, "a"))
    client = Client(cache)
    client.ask(CLUSTER)
    first = client.next()
    client.settle(first)
    cache.update([item(CLUSTER, "a", "2")])
    assert contents(client.next()) == ["a 2"]
    client.settle(first, "late")
    assert cache.refusals == {}
    assert client.next() is None
