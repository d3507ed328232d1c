"""Small servers and clients that run in namespaces: ``peers.py ROLE ARGUMENTS``."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

IP_TRANSPARENT, IPV6_TRANSPARENT, SO_MARK = 19, 75, 36


def _ready() -> None:
    print("ready", flush=True)


def tcp_server(port: str) -> None:
    """Greet each client with the address it is seen as, then echo."""
    everywhere = ("::", int(port))
    with socket.create_server(
        everywhere, family=socket.AF_INET6, backlog=64, dualstack_ipv6=True
    ) as server:
        _ready()
        while True:
            connection, peer = server.accept()
            seen = peer[0].removeprefix("::ffff:")
            threading.Thread(target=_echo, args=(connection, seen), daemon=True).start()


def _echo(connection: socket.socket, peer: str) -> None:
    with connection:
        connection.sendall(f"{os.environ.get('GREETING', 'server')} {peer}\n".encode())
        while data := connection.recv(65536):
            connection.sendall(data)


def udp_server(port: str) -> None:
    """Echo datagrams."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", int(port)))
        _ready()
        while True:
            data, peer = server.recvfrom(65536)
            server.sendto(data, peer)


def dns_server(answer: str) -> None:
    """Answer every query of AAAA records with one address, by UDP and TCP."""
    import dns.message
    import dns.rrset

    def reply(wire: bytes) -> bytes:
        made = dns.message.make_response(dns.message.from_wire(wire))
        name = made.question[0].name
        made.answer.append(dns.rrset.from_text(name, 30, "IN", "AAAA", answer))
        return made.to_wire()

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request[1].sendto(reply(self.request[0]), self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            wire = reply(self.rfile.read(int.from_bytes(self.rfile.read(2), "big")))
            self.wfile.write(len(wire).to_bytes(2, "big") + wire)

    socketserver.UDPServer.address_family = socket.AF_INET6
    socketserver.ThreadingTCPServer.address_family = socket.AF_INET6
    streams = socketserver.ThreadingTCPServer(("::", 53), Stream)
    threading.Thread(target=streams.serve_forever, daemon=True).start()
    datagrams = socketserver.UDPServer(("::", 53), Datagram)
    _ready()
    datagrams.serve_forever()


def resolve(server: str, name: str, by: str) -> None:
    """Ask a DNS server for AAAA records, by ``udp`` or ``tcp``."""
    import dns.message
    import dns.query
    import dns.rcode

    found = getattr(dns.query, by)(dns.message.make_query(name, "AAAA"), server, timeout=5)
    rows = (str(item) for rows in found.answer for item in rows)
    print(dns.rcode.to_text(found.rcode()), *rows)


def tcp(address: str, port: str) -> None:
    """Print the greeting and the peer's name, or why there is none."""
    try:
        with socket.create_connection((address, int(port)), timeout=2) as connection:
            greeting = connection.makefile("r").readline().strip()
            print(f"{greeting} peer={connection.getpeername()[0]}")
    except OSError as error:
        print(f"failed {type(error).__name__}")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connected_udp(address: str, port: str) -> None:
    """Send a datagram on a connected socket and print the answer, the peer, or the error."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        try:
            client.connect((address, int(port)))
            client.send(b"x")
            answer = client.recv(100)
            print(f"{len(answer)} peer={client.getpeername()[0]}")
        except OSError as error:
            print(f"failed {type(error).__name__}")


def tcp_as(source: str, address: str, port: str) -> None:
    """Like ``tcp``, from one of several addresses."""
    try:
        whom = (address, int(port))
        with socket.create_connection(whom, timeout=2, source_address=(source, 0)) as connection:
            print(connection.recv(200).decode().strip())
    except OSError as error:
        print(f"failed {type(error).__name__}")


def shell(command: str) -> None:
    """Run a command in the namespace."""
    subprocess.run(command.split(), check=True)


def bind(port: str) -> None:
    """Bind a TCP port and print what came of it."""
    try:
        with socket.create_server(("0.0.0.0", int(port))):
            print("bound")
    except OSError as error:
        print(f"failed {os.strerror(error.errno or 0)}")


def ping(address: str, size: str = "56") -> None:
    """Send an echo request and print whether it was answered."""
    ipv6 = ":" in address
    protocol = socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP
    body = b"x" * int(size)
    with socket.socket(_family(address), socket.SOCK_RAW, protocol) as client:
        client.settimeout(2)
        head = bytes([128 if ipv6 else 8, 0])
        rest = os.getpid().to_bytes(4, "big")[2:] + b"\0\1" + body
        client.sendto(head + _checksum(head + b"\0\0" + rest) + rest, (address, 0))
        try:
            while True:
                answer = client.recv(65536)
                answer = answer if ipv6 else answer[20:]
                if answer[0] == (129 if ipv6 else 0) and answer[4:] == rest:
                    print("answered")
                    return
        except OSError:
            print("failed")


def _checksum(data: bytes) -> bytes:
    words = [
        int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2)
    ]
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def udp(address: str, port: str, size: str = "10") -> None:
    """Send an unconnected datagram and print who answers with how much."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as client:
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


def udp_hold(address: str, port: str) -> None:
    """Send a datagram each 50 ms from one socket; say ready after the first answer."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        told = False
        while True:
            client.sendto(b"x", (address, int(port)))
            with contextlib.suppress(OSError):
                client.recv(10)
                if not told:
                    _ready()
                told = True
            time.sleep(0.05)


def udp_steady(address: str, port: str) -> None:
    """Send a numbered datagram each 2 ms until terminated; print how many stay unanswered."""
    answered: set[bytes] = set()
    number = 0
    with socket.socket(_family(address), socket.SOCK_DGRAM) as client:

        def collect() -> None:
            while True:
                with contextlib.suppress(OSError):
                    answered.add(client.recv(20))

        client.connect((address, int(port)))
        ending = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ending.set())
        threading.Thread(target=collect, daemon=True).start()
        while not ending.wait(0.002):
            client.send(b"%d" % number)
            number += 1
            if number == 1:
                _ready()
        for _ in range(100):
            if len(answered) < number:
                time.sleep(0.02)
        print(number - len(answered), flush=True)
        os._exit(0)


def syn_flood(address: str, port: str, times: str) -> None:
    """Send openings from as many ports and never answer; nobody listens."""
    own = _own_address(address)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as client:
        for number in range(int(times)):
            source, target = 1024 + number % 60000, int(port) + number // 60000
            ports = source.to_bytes(2, "big") + target.to_bytes(2, "big")
            head = ports + bytes(8) + b"\x50\x02\x20\x00" + bytes(4)
            pseudo = socket.inet_aton(own) + socket.inet_aton(address) + b"\0\x06\0\x14"
            total = _checksum(pseudo + head)
            client.sendto(head[:16] + total + head[18:], (address, 0))
    print("sent")


def _own_address(address: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])


def proxy(port: str) -> None:
    """A transparent proxy: connects to the original destination as the original source."""
    listeners = [_transparent("127.0.0.1", 0xA00), _transparent("::1", 0xA00)]
    for listener, address in zip(listeners, ("127.0.0.1", "::1"), strict=True):
        listener.bind((address, int(port)))
        listener.listen(64)
        threading.Thread(target=_accept, args=(listener, port), daemon=True).start()
    _ready()
    threading.Event().wait()


def _transparent(address: str, mark: int) -> socket.socket:
    family = _family(address)
    made = socket.socket(family, socket.SOCK_STREAM)
    level, option = (socket.SOL_IP, IP_TRANSPARENT)
    if family == socket.AF_INET6:
        level, option = socket.IPPROTO_IPV6, IPV6_TRANSPARENT
    made.setsockopt(level, option, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _accept(listener: socket.socket, port: str) -> None:
    while True:
        client, peer = listener.accept()
        threading.Thread(target=_splice, args=(client, peer[0], port), daemon=True).start()


def _splice(client: socket.socket, source: str, port: str) -> None:
    upstream = _transparent(source, 0xB00)
    upstream.bind((source, 0))
    upstream.connect(client.getsockname()[:2])
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
