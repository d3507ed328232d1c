"""A client of the agent's REST API over its Unix socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate.errors import LockgateError

_TIMEOUT_S = 10.0


class AgentUnreachable(LockgateError):
    """No agent answers on the socket."""


class AgentRefused(LockgateError):
    """The agent answered with an error; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float | None) -> None:
        super().__init__("lockgate", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class AgentClient:
    """Asks one agent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, target: str) -> Any:
        """Return the JSON at a target such as ``/v1/status``.

        Raises: AgentUnreachable, AgentRefused.
        """
        return self._json(target)

    def post(self, target: str, body: Any) -> Any:
        """Return the JSON answered to ``body`` at a target.

        Raises: AgentUnreachable, AgentRefused.
        """
        return self._json(target, json.dumps(body))

    def _json(self, target: str, body: str | None = None) -> Any:
        connection = _UnixConnection(self.path, _TIMEOUT_S)
        try:
            with self._answer(connection, target, body) as answer:
                return json.loads(answer.read())
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise AgentUnreachable(f"the agent's answer broke off: {error}") from error
        finally:
            connection.close()

    def lines(self, target: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of an answer with one JSON object a line, as they come.

        Raises: AgentUnreachable, AgentRefused.
        """
        connection = _UnixConnection(self.path, None)
        try:
            with self._answer(connection, target) as answer:
                for line in iter(answer.readline, b""):
                    yield json.loads(line)
        except (http.client.HTTPException, OSError) as error:
            raise AgentUnreachable(f"the agent's answer broke off: {error}") from error
        finally:
            connection.close()

    def _answer(
        self, connection: http.client.HTTPConnection, target: str, body: str | None = None
    ) -> http.client.HTTPResponse:
        try:
            if body is None:
                connection.request("GET", target)
            else:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", target, body, headers)
            answer = connection.getresponse()
        except PermissionError as error:
            raise AgentUnreachable(f"{self.path} may only be used by root; use sudo") from error
        except OSError as error:
            msg = f"no agent answers on {self.path}; start one with `lockgate up DIR`"
            raise AgentUnreachable(msg) from error
        if answer.status != http.HTTPStatus.OK:
            raise AgentRefused(answer.status, _error_text(answer))
        return answer


def _error_text(answer: http.client.HTTPResponse) -> str:
    body = answer.read()
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the agent answered {answer.status}: {body[:200].decode(errors='replace')}"


def socket_path(chosen: Path | None) -> Path:
    """Return the agent's socket: the one chosen, else the one of ``LOCKGATE_RUN_DIR``."""
    if chosen is not None:
        return chosen
    return Path(os.environ.get("LOCKGATE_RUN_DIR", "/run/lockgate")) / "agent.sock"
