"""Envoy's admin interface over its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lockgate.errors import EnvoyError

TIMEOUT = 5.0
"""Seconds to wait for an answer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("envoy", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class EnvoyAdmin:
    """Asks a running Envoy. All calls block."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def request(self, target: str, method: str = "GET") -> tuple[int, bytes]:
        """Return status and body of an admin request.

        Raises: EnvoyError: Envoy does not answer.
        """
        connection = _UnixConnection(self.path, TIMEOUT)
        try:
            connection.request(method, target)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            msg = f"Envoy's admin interface at {self.path} does not answer: {error}"
            raise EnvoyError(msg) from error
        finally:
            connection.close()

    def set_runtime(self, key: str, value: str) -> None:
        """Set a runtime value; it holds until Envoy ends.

        Raises: EnvoyError: Envoy does not answer, or refuses the value.
        """
        status, body = self.request(f"/runtime_modify?{urlencode({key: value})}", "POST")
        if status != http.client.OK:
            raise EnvoyError(f"Envoy refuses {key}={value}: {body.decode(errors='replace')}")

    def is_ready(self) -> bool:
        """Tell whether Envoy answers and serves."""
        try:
            return self.request("/ready")[0] == http.client.OK
        except EnvoyError:
            return False

    def config_dump(self, resource: str = "") -> dict[str, Any]:
        """Return what Envoy holds; ``resource`` as in ``dynamic_listeners``.

        Raises: EnvoyError: Envoy does not answer.
        """
        suffix = f"?resource={resource}" if resource else "?include_eds"
        return self._json(f"/config_dump{suffix}")

    def listeners(self) -> dict[str, Any]:
        """Return the listeners with their addresses, as ``/listeners`` says.

        Raises: EnvoyError: Envoy does not answer.
        """
        return self._json("/listeners?format=json")

    def clusters(self) -> dict[str, Any]:
        """Return the clusters with their hosts and counters, as ``/clusters`` says.

        Raises: EnvoyError: Envoy does not answer.
        """
        return self._json("/clusters?format=json")

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Return counters and gauges whose name a regular expression finds.

        Raises: EnvoyError: Envoy does not answer.
        """
        suffix = f"&filter={pattern}" if pattern else ""
        found = self._json(f"/stats?format=json{suffix}")["stats"]
        return {item["name"]: item["value"] for item in found if "value" in item}

    def _json(self, target: str) -> dict[str, Any]:
        status, body = self.request(target)
        if status != http.client.OK:
            msg = f"Envoy answered {status} to {target}: {body[:200].decode(errors='replace')}"
            raise EnvoyError(msg)
        found: dict[str, Any] = json.loads(body)
        return found
