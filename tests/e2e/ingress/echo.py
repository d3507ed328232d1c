"""A backend that answers with what it was asked."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

import orjson


@contextlib.contextmanager
def echo(name: str, address: str = "") -> Iterator[int]:
    """Serve on all addresses, or one; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen = {"name": name, "method": self.command, "path": self.path, "headers": headers}
            body = orjson.dumps(seen)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_OPTIONS = do_GET  # noqa: N815  # the base's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            del format, args

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
