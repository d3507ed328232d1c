"""A backend that answers with what it was asked."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator

import orjson


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        if self.headers.get("Upgrade"):
            self._upgrade()
        elif self.path == "/events":
            self._events()
        else:
            self._echo()

    do_POST = do_PUT = do_OPTIONS = do_GET  # noqa: N815  # the base's names

    def _upgrade(self) -> None:
        """Speak another protocol from now on: the same bytes back."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", self.headers["Upgrade"])
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(4096):
            self.wfile.write(data)

    def _events(self) -> None:
        """Send an event as soon as it is there, each some time after the last."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            event = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def _echo(self) -> None:
        left = total = int(self.headers.get("Content-Length", "0"))
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        seen = {"name": self.name, "method": self.command, "path": self.path, "headers": headers}
        body = orjson.dumps({**seen, "bytes": total})
        wanted = self.path.rpartition("/status/")[2]
        self.send_response(int(wanted) if wanted.isdigit() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        del format, args


@contextlib.contextmanager
def echo(name: str, address: str = "") -> Iterator[int]:
    """Serve on all addresses, or one; yield the port."""
    handler = type("Echo", (_Echo,), {"name": name})
    server = http.server.ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
