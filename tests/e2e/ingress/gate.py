"""An agent that serves Ingresses of a folder or of an API server, and requests through it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest
import yaml

from lockgate.sources.crd import KINDS, definition
from tests.kube.apiserver import ApiServer, free_port

LOCKGATE = Path(sys.executable).with_name("lockgate")
LIMIT_S = 20.0
NAMESPACE = "lg-shop"


@dataclass(frozen=True)
class Answer:
    """What came back of a request; ``seen`` is what the backend saw, if one answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    seen: dict[str, Any] = field(default_factory=dict)


class Declarations(Protocol):
    """Where the objects are put."""

    source: str
    endpoint_address: str
    """Where backends are, as endpoints of this source may be."""

    def put(self, *documents: dict[str, Any]) -> None:
        """Create or change objects."""

    def delete(self, document: dict[str, Any]) -> None:
        """Remove an object."""


class Folder:
    """A folder of manifests, one file for each object."""

    endpoint_address = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.source = f"manifests:{folder}"

    def _path(self, document: dict[str, Any]) -> Path:
        return self._folder / f"{document['kind']}-{document['metadata']['name']}.yaml"

    def put(self, *documents: dict[str, Any]) -> None:
        """Create or change objects."""
        for document in documents:
            whole = self._folder / "writing"
            whole.write_text(yaml.safe_dump(document))
            whole.rename(self._path(document))

    def delete(self, document: dict[str, Any]) -> None:
        """Remove an object."""
        self._path(document).unlink()


class Cluster:
    """A real API server."""

    source = "kubernetes"

    def __init__(self, api: ApiServer, endpoint_address: str) -> None:
        self.api = api
        self.endpoint_address = endpoint_address
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        api.create(namespace, *(definition(kind) for kind in KINDS))

    def put(self, *documents: dict[str, Any]) -> None:
        """Create or change objects."""
        for document in documents:
            until(lambda document=document: self._apply(document))  # a new kind needs a moment

    def _apply(self, document: dict[str, Any]) -> bool:
        try:
            self.api.apply(document)
        except OSError as error:
            if getattr(error, "code", 0) == 404:
                return False
            raise
        return True

    def delete(self, document: dict[str, Any]) -> None:
        """Remove an object."""
        self.api.delete(document)


class Gate:
    """The agent, and what is declared for it."""

    def __init__(self, root: Path, objects: Declarations, **settings: str) -> None:
        self.objects = objects
        self.root = root
        self.http_port, self.https_port = free_port(), free_port()
        self._environment = {
            **os.environ,
            "LOCKGATE_RUN_DIR": str(root / "run"),
            "LOCKGATE_STATE_DIR": str(root / "state"),
            "LOCKGATE_SOURCE": objects.source,
            "LOCKGATE_ON_STOP": "clean",
            "LOCKGATE_HTTP_PORT": str(self.http_port),
            "LOCKGATE_HTTPS_PORT": str(self.https_port),
            "LOCKGATE_INGRESS_ACCESS_LOG": str(self.access_log),
            **{f"LOCKGATE_{name.upper()}": value for name, value in settings.items()},
        }
        self.agent: subprocess.Popen[str] | None = None

    @property
    def access_log(self) -> Path:
        """The JSON access log."""
        return self.root / "access.log"

    def start(self) -> None:
        """Start the agent and wait until it is ready."""
        with (self.root / "agent.log").open("a") as log:
            self.agent = subprocess.Popen(
                [LOCKGATE, "agent", "run"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
            )
        assert self.agent.stdout is not None
        line = self.agent.stdout.readline()
        if not line.startswith("ready"):
            self.agent.communicate()
            pytest.fail((self.root / "agent.log").read_text()[-3000:])

    def kill(self) -> None:
        """End the agent without its clean-up."""
        assert self.agent is not None
        self.agent.kill()
        self.agent.communicate()

    def stop(self) -> None:
        """End the agent and all it made."""
        if self.agent is None:
            return
        if self.agent.poll() is not None:
            self.start()  # what a killed agent left is for the next to remove
        self.agent.send_signal(signal.SIGTERM)
        self.agent.communicate(timeout=30)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``lockgate``."""
        return subprocess.run(
            [LOCKGATE, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
            timeout=30,
        )

    def metrics(self) -> dict[str, float]:
        """Return what the agent counts, by name and labels as they are written."""
        connection = _UnixConnection(self.root / "run" / "agent.sock")
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        rows = (row.rpartition(" ") for row in text.splitlines() if not row.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def ask(
        self,
        host: str,
        path: str = "/",
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """Send a request through the Ingress."""
        port = self.http_port if tls is None else self.https_port
        connection = _Connection(port, host, tls)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            response = connection.getresponse()
            text = response.read()
            found = {key.lower(): value for key, value in response.getheaders()}
        seen = orjson.loads(text) if text.startswith(b'{"name"') else {}
        return Answer(response.status, found, text, seen)

    def wait(self, host: str, path: str = "/", status: int = 200) -> Answer:
        """Wait until a request is answered with a status."""
        last: list[int] = []

        def answered() -> bool:
            last[:] = [self.ask(host, path).status]
            return last == [status]

        until(answered, lambda: f"{host}{path}: {last}, not {status}")
        return self.ask(host, path)


class _Connection(http.client.HTTPConnection):
    def __init__(self, port: int, name: str, tls: ssl.SSLContext | None) -> None:
        super().__init__("127.0.0.1", port, timeout=10)
        self._name, self._tls = name, tls

    def connect(self) -> None:
        super().connect()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def until(condition: Callable[[], object], why: Callable[[], str] = lambda: "in time") -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


@contextlib.contextmanager
def address_of_our_own() -> Iterator[str]:
    """Have an address on this host that is not loopback, as API servers want of endpoints."""
    link, address = "lg-ingress0", "198.18.77.1"
    subprocess.run(["ip", "link", "add", link, "type", "veth", "peer", "lg-ingress1"], check=True)
    try:
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", link], check=True)
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
        yield address
    finally:
        subprocess.run(["ip", "link", "del", link], check=True)
