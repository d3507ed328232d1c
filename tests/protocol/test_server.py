"""The real server over real sockets: services, access, absurd clients, many clients."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.envoy.live import free_port, run
from tests.protocol.snapshots import filled
from xds import codec
from xds.access import TcpListener, TlsFiles
from xds.delta import DeltaStream
from xds.requests import MAX_NAME_BYTES, MAX_NAMES, MAX_TYPES
from xds.resource import CLUSTER, ENDPOINTS, EXTENSION, Resource, framed
from xds.server import XdsServer
from xds.services import DISCOVERY_SERVICES
from xds.snapshot import SnapshotCache
from xds.sotw import SotwStream

ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
DELTA, SOTW = "DeltaAggregatedResources", "StreamAggregatedResources"
TIMEOUT = 20.0


def item(type_url: str, name: str, version: str = "1", size: int = 10) -> Resource:
    """Return a resource with some content."""
    body = codec.encode("google.protobuf.Any", {"type_url": type_url, "value": b"x" * size})
    return framed(type_url, name, version, body)


class Client:
    """One stream of a gRPC client."""

    def __init__(self, channel: grpc.aio.Channel, service: str = ADS, method: str = DELTA) -> None:
        self.kind = "DeltaDiscovery" if method.startswith("Delta") else "Discovery"
        self.call: Any = channel.stream_stream(f"/{service}/{method}")()

    async def ask(self, type_url: str, *names: str, **fields: Any) -> None:
        """Send a request for names."""
        field = "resource_names" + ("_subscribe" if self.kind == "DeltaDiscovery" else "")
        await self.send({"type_url": type_url, field: names, **fields})

    async def send(self, request: dict[str, Any]) -> None:
        """Send a request."""
        name = f"envoy.service.discovery.v3.{self.kind}Request"
        await self.call.write(codec.encode(name, request))

    async def next(self) -> Any:
        """Return the next response."""
        body = await asyncio.wait_for(self.call.read(), TIMEOUT)
        assert body is not grpc.aio.EOF, await self.call.code()
        return codec.decode(f"envoy.service.discovery.v3.{self.kind}Response", body)

    async def ended(self) -> tuple[grpc.StatusCode, str]:
        """Read to the end, which the server must make of the stream; return how it did."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            while await asyncio.wait_for(self.call.read(), TIMEOUT) is not grpc.aio.EOF:
                pass
        code = await asyncio.wait_for(self.call.code(), TIMEOUT)
        return code, await self.call.details()


@asynccontextmanager
async def serving(
    path: Path, cache: SnapshotCache, tcp: TcpListener | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve a cache; yield a channel to it."""
    server = XdsServer(path, cache, tcp=tcp)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            yield channel
    finally:
        await server.stop()


@pytest.mark.parametrize("variant", ["sotw", "delta"])
def test_each_service_serves_its_type(tmp_path: Path, variant: str) -> None:
    async def body() -> None:
        types = [service.served for service in DISCOVERY_SERVICES if service.served]
        cache = filled(*(item(type_url, "one") for type_url in types))
        async with serving(tmp_path / "xds.sock", cache) as channel:
            for service in DISCOVERY_SERVICES:
                method = getattr(service, variant)
                if not (method and service.served):
                    continue
                client = Client(channel, service.name, method)
                await client.ask(service.served, "one")
                response = await client.next()
                assert (response.type_url, len(response.resources)) == (service.served, 1)
                other = CLUSTER if service.served != CLUSTER else ENDPOINTS
                await client.ask(other)
                code, detail = await client.ended()
                assert code is grpc.StatusCode.INVALID_ARGUMENT
                assert service.served in detail

    run(body())


def test_a_type_we_have_nothing_of_is_answered_and_disturbs_nothing(tmp_path: Path) -> None:
    async def body() -> None:
        async with serving(tmp_path / "xds.sock", filled(item(CLUSTER, "a"))) as channel:
            client = Client(channel)
            await client.ask("type.googleapis.com/no.such.Type", "x")
            assert list((await client.next()).removed_resources) == ["x"]
            await client.ask(CLUSTER)
            assert [entry.name for entry in (await client.next()).resources] == ["a"]

    run(body())


ABSURD: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"resource_names_subscribe": ["a"]}, "INVALID_ARGUMENT"),
    "long type": ({"type_url": "t" * 5000}, "INVALID_ARGUMENT"),
    "long name": (
        {"type_url": CLUSTER, "resource_names_subscribe": ["n" * (MAX_NAME_BYTES + 1)]},
        "INVALID_ARGUMENT",
    ),
    "many names": (
        {"type_url": ENDPOINTS, "resource_names_subscribe": map(str, range(MAX_NAMES + 1))},
        "RESOURCE_EXHAUSTED",
    ),
    "long node id": ({"type_url": CLUSTER, "node": {"id": "i" * 1000}}, "INVALID_ARGUMENT"),
    "unprintable node id": ({"type_url": CLUSTER, "node": {"id": "a\0b"}}, "INVALID_ARGUMENT"),
}


@pytest.mark.parametrize("case", ABSURD)
def test_an_absurd_request_ends_its_own_stream_only(tmp_path: Path, case: str) -> None:
    async def body() -> None:
        cache = filled(item(CLUSTER, "a"))
        request, code = ABSURD[case]
        async with serving(tmp_path / "xds.sock", cache) as channel:
            good, bad = Client(channel), Client(channel)
            await good.ask(CLUSTER)
            await good.next()
            await bad.send(request)
            assert (await bad.ended())[0].name == code
            cache.update([item(CLUSTER, "b")])
            await good.call.write(b"")  # not a request either: no type
            assert (await good.ended())[0] is grpc.StatusCode.INVALID_ARGUMENT
        assert cache.connected == 0

    run(body())


def test_too_many_types_and_bytes_that_are_no_message(tmp_path: Path) -> None:
    async def body() -> None:
        async with serving(tmp_path / "xds.sock", filled()) as channel:
            client = Client(channel)
            for number in range(MAX_TYPES + 1):
                await client.ask(f"type.googleapis.com/t{number}", "x")
            assert (await client.ended())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            noise = Client(channel)
            await noise.call.write(b"\xff\xff\xff")
            assert (await noise.ended())[0] is grpc.StatusCode.INVALID_ARGUMENT

    run(body())


def test_a_client_that_never_answers_is_owed_the_newest_only(tmp_path: Path) -> None:
    """A thousand changes later it has one response unanswered and gets the last state next."""

    async def body() -> None:
        cache = filled(item(CLUSTER, "a", "0", 100_000))
        async with serving(tmp_path / "xds.sock", cache) as channel:
            silent, lively = Client(channel), Client(channel)
            for client in (silent, lively):
                await client.ask(CLUSTER)
            first = await silent.next()
            response = await lively.next()
            for number in range(1, 200):
                cache.update([item(CLUSTER, "a", str(number), 100_000)])
                await lively.ask(CLUSTER, response_nonce=response.nonce)
                response = await lively.next()
                assert response.resources[0].version == str(number)
            await silent.ask(CLUSTER, response_nonce=first.nonce)
            assert (await silent.next()).resources[0].version == "199"

    run(body())


def test_a_client_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    async def body() -> None:
        cache = filled(*(item(ENDPOINTS, f"e{number}", "1", 50_000) for number in range(500)))
        async with (
            serving(tmp_path / "xds.sock", cache) as channel,
            grpc.aio.insecure_channel(
                f"unix:{tmp_path / 'xds.sock'}", [("grpc.use_local_subchannel_pool", 1)]
            ) as other,
        ):
            stuck = Client(other)
            for number in range(20):
                await stuck.ask(f"{ENDPOINTS}{number}", "x")
            await stuck.ask(ENDPOINTS, "*")
            lively = Client(channel)
            await lively.ask(ENDPOINTS, "e7")
            assert (await lively.next()).resources[0].name == "e7"

    run(body())


def test_a_thousand_clients_connect_at_once(tmp_path: Path) -> None:
    async def body() -> None:
        cache = filled(*(item(EXTENSION, f"p{number}") for number in range(1000)))
        async with serving(tmp_path / "xds.sock", cache) as channel:
            clients = [Client(channel) for _ in range(1000)]

            async def sync(number: int) -> None:
                await clients[number].ask(EXTENSION, f"p{number}")
                response = await clients[number].next()
                assert [entry.name for entry in response.resources] == [f"p{number}"]

            await asyncio.gather(*map(sync, range(1000)))
            assert cache.connected == 1000
            for client in clients:
                client.call.cancel()
            while cache.connected:
                await asyncio.sleep(0.01)
        assert not any(cache._watchers.values())

    run(body())


def test_another_user_does_not_get_through(tmp_path: Path) -> None:
    """Even where the socket's mode would let it."""
    if os.geteuid() != 0:
        pytest.fail("needs root, to become another user")
    script = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); "
        "s.settimeout(10); s.connect(sys.argv[1]); sys.exit(0 if s.recv(1) == b'' else 1)"
    )

    async def body() -> None:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        path = tmp_path / "xds.sock"
        async with serving(path, filled()):
            assert path.stat().st_mode & 0o777 == 0o600
            path.chmod(0o666)
            command = [sys.executable, "-c", script, str(path)]
            done = await asyncio.to_thread(subprocess.run, command, check=False)
            assert done.returncode == 0

    run(body())


class Authority:
    """Issues certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key.public_key(), None, ca=True)
        self.path = folder / "ca.pem"
        self.path.write_bytes(_pem(self.certificate))

    def _sign(
        self, name: str, public: Any, san: x509.GeneralName | None, *, ca: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.certificate.subject
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if san is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([san]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str, san: x509.GeneralName | None = None) -> tuple[Path, Path]:
        """Return the files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key.public_key(), san)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(_pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def test_over_tcp_a_node_gets_its_own_resources_by_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.issue("server", x509.DNSName("localhost"))
    uri = x509.UniformResourceIdentifier("spiffe://lockgate.test/node/n1")
    certificates = {
        "n1": authority.issue("one", uri),
        "n2": authority.issue("two", x509.DNSName("n2")),
    }
    caches = {name: filled(item(CLUSTER, f"of {name}")) for name in ("n1", "n2")}

    async def body(port: int) -> None:
        tls = TlsFiles(server[0], server[1], authority.path)
        tcp = TcpListener(f"127.0.0.1:{port}", tls, caches)
        target = f"localhost:{port}"
        options = [("grpc.use_local_subchannel_pool", 1)]

        async def ask(
            node: str, certificate: tuple[Path, Path] | None
        ) -> list[str] | grpc.StatusCode:
            pair = [path.read_bytes() for path in reversed(certificate)] if certificate else []
            secrets = grpc.ssl_channel_credentials(authority.path.read_bytes(), *pair)
            async with grpc.aio.secure_channel(target, secrets, options) as channel:
                client = Client(channel)
                try:
                    await client.ask(CLUSTER, node={"id": node})
                    return [entry.name for entry in (await client.next()).resources]
                except (grpc.aio.AioRpcError, AssertionError, asyncio.InvalidStateError):
                    return (await client.ended())[0]

        async with serving(tmp_path / "xds.sock", filled(item(CLUSTER, "local")), tcp) as local:
            assert await ask("n1", certificates["n1"]) == ["of n1"]
            assert await ask("n2", certificates["n2"]) == ["of n2"]
            assert await ask("n2", certificates["n1"]) is grpc.StatusCode.PERMISSION_DENIED
            assert await ask("server", server) is grpc.StatusCode.PERMISSION_DENIED
            assert await ask("n1", None) is grpc.StatusCode.UNAVAILABLE
            client = Client(local)
            await client.ask(CLUSTER)
            assert [entry.name for entry in (await client.next()).resources] == ["local"]

    run(body(free_port()))


_NAMES = st.sampled_from(["a", "b", "c", "*", "", "z" * 50])
_TYPES = st.sampled_from([CLUSTER, ENDPOINTS, EXTENSION, "type.googleapis.com/none"])
_REQUESTS = st.fixed_dictionaries(
    {"type_url": _TYPES},
    optional={
        "resource_names_subscribe": st.lists(_NAMES, max_size=4),
        "resource_names_unsubscribe": st.lists(_NAMES, max_size=4),
        "initial_resource_versions": st.dictionaries(_NAMES, st.sampled_from(["1", "9"])),
        "response_nonce": st.integers(0, 6).map(str),
        "error_detail": st.just({"code": 3, "message": "no"}),
    },
)
_CHANGES = st.tuples(_TYPES, st.sampled_from("abc"), st.sampled_from(["1", "2", ""]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(_REQUESTS, _CHANGES), max_size=25), st.booleans())
def test_whatever_is_asked_a_stream_settles(steps: list[Any], delta: bool) -> None:  # drawn
    """Requests in any order never break a stream, and an answering client always comes to rest
    with exactly the resources it wants."""
    cache = filled()
    stream: DeltaStream | SotwStream = DeltaStream(cache) if delta else SotwStream(cache)
    cache.attach(stream)
    kind = "DeltaDiscovery" if delta else "Discovery"
    respond = f"envoy.service.discovery.v3.{kind}Response"

    def send(fields: dict[str, Any]) -> None:
        stream.receive(codec.encode(f"envoy.service.discovery.v3.{kind}Request", fields))

    for step in steps:
        if isinstance(step, dict):
            send(step if delta else _as_sotw(step))
        else:
            type_url, name, version = step
            cache.update(
                [item(type_url, name, version)] if version else [],
                [] if version else [(type_url, name)],
            )
        stream.next_response()
    for type_url, known in stream._types.items():  # answer what is still open
        if known.pending is not None:
            send(_ack(delta, type_url, known.pending.nonce, known.names, known.wildcard))
    for _ in range(50):
        body = stream.next_response()
        if body is None:
            break
        response: Any = codec.decode(respond, body)
        known = stream._types[response.type_url]
        send(_ack(delta, response.type_url, response.nonce, known.names, known.wildcard))
    else:
        pytest.fail("the stream does not come to rest")
    for type_url, known in stream._types.items():
        wanted = {
            name: found.version
            for name, found in cache.of_type(type_url).items()
            if known.wants(name) and known.refused.get(name) != found.version
        }
        held = {name: version for name, version in known.held.items() if known.wants(name)}
        assert wanted.items() <= held.items()


def _as_sotw(request: dict[str, Any]) -> dict[str, Any]:
    fields = {name: request[name] for name in request if not name.startswith(("res", "ini"))}
    nonce = request.get("response_nonce", "")
    names = request.get("resource_names_subscribe", [])
    return {**fields, "response_nonce": nonce, "resource_names": names}


def _ack(delta: bool, type_url: str, nonce: str, names: set[str], wildcard: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"type_url": type_url, "response_nonce": nonce}
    if not delta:
        fields["resource_names"] = sorted(names) + (["*"] if wildcard else [])
    return fields


def test_a_change_wakes_only_who_subscribed(tmp_path: Path) -> None:
    """Of a thousand streams one is told."""
    cache = filled(*(item(EXTENSION, f"p{number}") for number in range(1000)))
    streams = [DeltaStream(cache) for _ in range(1000)]
    encode: Callable[[str, dict[str, Any]], bytes] = codec.encode
    name = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
    for number, stream in enumerate(streams):
        cache.attach(stream)
        stream.receive(
            encode(name, {"type_url": EXTENSION, "resource_names_subscribe": [f"p{number}"]})
        )
        stream.next_response()
        stream.wake.clear()
    cache.update([item(EXTENSION, "p7", "2")])
    assert [number for number, stream in enumerate(streams) if stream.wake.is_set()] == [7]
