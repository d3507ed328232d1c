"""A server outside of the cluster: a namespace of its own behind a veth of the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORLD = "198.51.100.2"
SERVER = """
import http.server, json, ssl, sys, threading

class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = json.dumps({name.lower(): self.headers.get_all(name) for name in self.headers}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

plain = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Echo)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secure = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), Echo)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
secure.socket = context.wrap_socket(secure.socket, server_side=True)
print("ready", flush=True)
secure.serve_forever()
"""


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def world_outside(directory: Path) -> Iterator[None]:
    """Serve HTTP on port 8000 and HTTPS on 8443 of WORLD; every answer shows the headers."""
    pem = directory / "world.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", pem, "-nodes")
    certificate = directory / "certificate.pem"
    run("openssl", "req", "-x509", *key, "-out", certificate, "-subj", "/CN=world.test")
    pem.write_text(pem.read_text() + certificate.read_text())
    run("ip", "netns", "add", "lg-world")
    inside = ("ip", "netns", "exec", "lg-world")
    try:
        run("ip", "link", "add", "lg-w0", "type", "veth", "peer", "lg-w1", "netns", "lg-world")
        run("ip", "addr", "add", "198.51.100.1/30", "dev", "lg-w0")
        run("ip", "link", "set", "lg-w0", "up")
        run(*inside, "ip", "addr", "add", f"{WORLD}/30", "dev", "lg-w1")
        run(*inside, "ip", "link", "set", "lg-w1", "up")
        run(*inside, "ip", "route", "add", "default", "via", "198.51.100.1")
        command = [*inside, sys.executable, "-c", SERVER, pem]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield
            finally:
                process.terminate()
    finally:
        # With its namespace the link goes too, but only some time later.
        subprocess.run(["ip", "link", "del", "lg-w0"], check=False, capture_output=True)
        run("ip", "netns", "del", "lg-world")
