"""Servers for tests that speak what Python's own HTTP server does not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import h2.config
import h2.connection
import h2.events

Answer = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(answer: Answer, address: str = "127.0.0.1") -> Iterator[int]:
    """Run a TCP server that answers each connection with a function; yield its port."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            answer(connection)

    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def request_head(connection: socket.socket) -> bytes:
    """Read up to the end of a request's headers."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65536)
        if not more:
            break
        read += more
    return read


def saying(text: bytes) -> Answer:
    """Return an answer of one request with a body."""

    def answer(connection: socket.socket) -> None:
        while request_head(connection):
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text)
            connection.sendall(head + text)

    return answer


def speaking_h2(connection: socket.socket) -> None:
    """Answer HTTP/2 requests, with prior knowledge, by their path."""
    state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    state.initiate_connection()
    connection.sendall(state.data_to_send())
    while data := connection.recv(65536):
        for event in state.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                assert event.stream_id is not None
                state.send_headers(event.stream_id, [(":status", "200")])
                state.send_data(event.stream_id, b"over h2", end_stream=True)
        connection.sendall(state.data_to_send())
