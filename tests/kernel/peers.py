"""Small servers and clients that run in namespaces: ``peers.py ROLE ARGUMENTS``."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time

IP_TRANSPARENT, SO_MARK = 19, 36


def _ready() -> None:
    print("ready", flush=True)


def tcp_server(port: str) -> None:
    """Greet each client with the address it is seen as, then echo."""
    with socket.create_server(("0.0.0.0", int(port)), backlog=64) as server:
        _ready()
        while True:
            connection, peer = server.accept()
            threading.Thread(target=_echo, args=(connection, peer[0]), daemon=True).start()


def _echo(connection: socket.socket, peer: str) -> None:
    with connection:
        connection.sendall(f"{os.environ.get('GREETING', 'server')} {peer}\n".encode())
        while data := connection.recv(65536):
            connection.sendall(data)


def udp_server(port: str) -> None:
    """Echo datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", int(port)))
        _ready()
        while True:
            data, peer = server.recvfrom(65536)
            server.sendto(data, peer)


def tcp(address: str, port: str) -> None:
    """Print the greeting and the peer's name, or why there is none."""
    try:
        with socket.create_connection((address, int(port)), timeout=2) as connection:
            greeting = connection.recv(200).decode().strip()
            print(f"{greeting} peer={connection.getpeername()[0]}")
    except OSError as error:
        print(f"failed {type(error).__name__}")


def udp(address: str, port: str, size: str = "10") -> None:
    """Send an unconnected datagram and print who answers with how much."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        try:
            client.sendto(b"x" * int(size), (address, int(port)))
            data, peer = client.recvfrom(65536)
            print(f"{len(data)} from {peer[0]}:{peer[1]}")
        except OSError as error:
            print(f"failed {type(error).__name__}")


def hold(address: str, port: str) -> None:
    """Send a line each 20 ms on one connection; say ready, and exit when an echo stays away."""
    with socket.create_connection((address, int(port)), timeout=3) as connection:
        connection.recv(200)
        _ready()
        while True:
            connection.sendall(b"x")
            if not connection.recv(10):
                return
            time.sleep(0.02)


def proxy(port: str) -> None:
    """A transparent proxy: connects to the original destination as the original source."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        listener.setsockopt(socket.SOL_SOCKET, SO_MARK, 0xA00)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(port)))
        listener.listen(64)
        _ready()
        while True:
            client, peer = listener.accept()
            threading.Thread(target=_splice, args=(client, peer[0], port), daemon=True).start()


def _splice(client: socket.socket, source: str, port: str) -> None:
    upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    upstream.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    upstream.setsockopt(socket.SOL_SOCKET, SO_MARK, 0xB00)
    upstream.bind((source, 0))
    upstream.connect(client.getsockname())
    client.sendall(f"via {port} ".encode())
    threading.Thread(target=_copy, args=(client, upstream), daemon=True).start()
    _copy(upstream, client)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def marked_tcp(address: str, port: str, mark: str) -> None:
    """Like ``tcp`` from a socket with a mark, as the ingress proxy's."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_MARK, int(mark, 0))
        client.settimeout(2)
        try:
            client.connect((address, int(port)))
            print(client.recv(200).decode().strip())
        except OSError as error:
            print(f"failed {type(error).__name__}")


def measure(address: str, port: str, seconds: str) -> None:
    """Print bytes per second echoed in bulk, then one-byte round trips per second."""
    with socket.create_connection((address, int(port)), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(200)
        chunk, total, until = b"x" * 65536, 0, time.monotonic() + float(seconds)
        while time.monotonic() < until:
            connection.sendall(chunk)
            left = len(chunk)
            while left:
                left -= len(connection.recv(left))
            total += len(chunk)
        trips, until = 0, time.monotonic() + float(seconds)
        while time.monotonic() < until:
            connection.sendall(b"x")
            connection.recv(1)
            trips += 1
    print(total / float(seconds), trips / float(seconds))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
