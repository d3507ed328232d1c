"""What is carried through the Ingress, by the real agent and Envoy, from both sources."""

from __future__ import annotations

import http.client
import socket
import time

from tests.e2e.ingress.declared import Shop, ingress, path

HEADERS = 60 * 1024


def test_an_upgraded_connection_carries_bytes_both_ways(shop: Shop) -> None:
    shop.serve(ingress("socket", "socket.test"))
    shop.gate.wait("socket.test")
    with socket.create_connection(("127.0.0.1", shop.gate.http_port), 10) as connection:
        connection.sendall(
            b"GET /chat HTTP/1.1\r\nHost: socket.test\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: bG9ja2dhdGVsb2NrZ2F0ZQ==\r\n\r\n"
        )
        answers = connection.makefile("rb")
        assert answers.readline().startswith(b"HTTP/1.1 101")
        while answers.readline().strip():
            pass
        for said in (b"one\n", b"two\n"):
            connection.sendall(said)
            assert answers.readline() == said


def test_events_arrive_as_they_are_sent(shop: Shop) -> None:
    shop.serve(ingress("events", "events.test"))
    shop.gate.wait("events.test")
    connection = http.client.HTTPConnection("127.0.0.1", shop.gate.http_port, timeout=10)
    connection.request("GET", "/events", headers={"Host": "events.test"})
    response = connection.getresponse()
    seen: list[tuple[bytes, float]] = []
    while line := response.readline():
        if line.strip():
            seen.append((line.strip(), time.monotonic()))
    connection.close()
    assert [line for line, _ in seen] == [b"data: 0", b"data: 1", b"data: 2"]
    # Had they been gathered, they would have come at one time.
    assert seen[0][1] < seen[1][1] < seen[2][1]
    assert seen[2][1] - seen[0][1] > 0.5


def test_large_headers_and_bodies_pass(shop: Shop) -> None:
    shop.serve(ingress("large", "large.test"))
    shop.gate.wait("large.test")
    pieces = {f"X-Large-{number}": "a" * 6000 for number in range(HEADERS // 6000)}
    answer = shop.gate.ask("large.test", headers=pieces)
    assert {name.lower() for name in pieces} <= answer.seen["headers"].keys()
    body = bytes(100 << 20)
    assert shop.gate.ask("large.test", method="POST", body=body).seen["bytes"] == len(body)


def test_paths_keep_what_clients_write(shop: Shop) -> None:
    shop.serve(ingress("odd", "odd.test", path("/a"), path("/a/b", backend="new")))
    shop.gate.wait("odd.test", "/a")
    assert shop.gate.ask("odd.test", "/a/x%2Fy?q=%20").seen["path"] == "/a/x%2Fy?q=%20"
    assert shop.gate.ask("odd.test", "/a/x/../b").seen["name"] == "new"
    assert shop.gate.ask("odd.test", "/a//b").seen["path"] == "/a//b"
