"""``lockgate-cni``: the CNI plugin, a thin client of the node agent.

A runtime starts it for every pod, so it imports next to nothing. It turns the environment and
the configuration on standard input into one POST to the agent, and prints the answer.

Source: Container Network Interface specification 1.1.0.
"""

from __future__ import annotations

import json
import os
import socket
import sys

SUPPORTED = ("0.4.0", "1.0.0", "1.1.0")
DEFAULT_SOCKET = "/run/lockgate/agent.sock"
TIMEOUT_S = 30.0
"""Longer than the agent ever takes, shorter than runtimes wait."""

INCOMPATIBLE_VERSION = 1
INVALID_ENVIRONMENT = 4
IO_FAILURE = 5
INVALID_JSON = 6
INVALID_CONFIG = 7
TRY_AGAIN = 11
NOT_AVAILABLE = 50

# Variables that a command cannot do without, and the first version that has the command.
COMMANDS = {
    "ADD": (("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"), "0.4.0"),
    "DEL": (("CNI_CONTAINERID", "CNI_IFNAME"), "0.4.0"),
    "CHECK": (("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"), "0.4.0"),
    "GC": ((), "1.1.0"),
    "STATUS": ((), "1.1.0"),
}


class PluginError(Exception):
    """An error of the specification; its text becomes ``msg``."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def main() -> int:
    """Do what CNI_COMMAND says; return the exit code."""
    config: dict[str, object] = {}
    try:
        command = os.environ.get("CNI_COMMAND", "")
        config = read_config(required=command != "VERSION")
        answer = version_answer(config) if command == "VERSION" else run(command, config)
    except PluginError as error:
        write(
            {
                "cniVersion": error_version(config),
                "code": error.code,
                "msg": str(error),
                "details": error.details,
            }
        )
        return 1
    if answer:
        write(answer)
    return 0


def write(document: dict[str, object]) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document) + "\n")


def read_config(*, required: bool) -> dict[str, object]:
    """Return the network configuration on standard input."""
    text = sys.stdin.read()
    if not text.strip() and not required:
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise PluginError(INVALID_JSON, "the configuration is no JSON", str(error)) from error
    if not isinstance(config, dict):
        raise PluginError(INVALID_JSON, "the configuration is no JSON object")
    return config


def error_version(config: dict[str, object]) -> str:
    """Return the version to answer in: the one that was asked for, if it is one of ours."""
    version = config.get("cniVersion")
    return version if isinstance(version, str) and version in SUPPORTED else SUPPORTED[-1]


def version_answer(config: dict[str, object]) -> dict[str, object]:
    """Answer VERSION."""
    return {"cniVersion": error_version(config), "supportedVersions": list(SUPPORTED)}


def run(command: str, config: dict[str, object]) -> dict[str, object]:
    """Check a command and let the agent do it."""
    if command not in COMMANDS:
        raise PluginError(INVALID_ENVIRONMENT, f"CNI_COMMAND {command!r} is not known")
    version = config.get("cniVersion", "")
    if version not in SUPPORTED:
        raise PluginError(
            INCOMPATIBLE_VERSION,
            f"CNI version {version!r} is not supported",
            f"supported are {', '.join(SUPPORTED)}",
        )
    needed, since = COMMANDS[command]
    if SUPPORTED.index(str(version)) < SUPPORTED.index(since):
        raise PluginError(INCOMPATIBLE_VERSION, f"{command} needs CNI version {since}")
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise PluginError(INVALID_ENVIRONMENT, f"{', '.join(missing)} must be set for {command}")
    return ask(command, config)


def ask(command: str, config: dict[str, object]) -> dict[str, object]:
    """Send a command to the agent and return its answer."""
    path = config.get("agentSocket", DEFAULT_SOCKET)
    if not isinstance(path, str):
        raise PluginError(INVALID_CONFIG, "agentSocket must be a path")
    body = {
        "container_id": os.environ.get("CNI_CONTAINERID", ""),
        "netns": os.environ.get("CNI_NETNS", ""),
        "ifname": os.environ.get("CNI_IFNAME", ""),
        "args": os.environ.get("CNI_ARGS", ""),
        "config": config,
        "valid_attachments": config.get("cni.dev/valid-attachments"),
    }
    try:
        response = post(path, f"/v1/cni/{command.lower()}", json.dumps(body).encode())
    except OSError as error:
        code = NOT_AVAILABLE if command == "STATUS" else TRY_AGAIN
        reason = error.strerror or str(error)
        raise PluginError(code, f"the agent does not answer at {path}", reason) from error
    return read_answer(response)


def post(path: str, target: str, body: bytes) -> bytes:
    """Return the whole response to a POST over a Unix socket; the server closes it."""
    head = (
        f"POST {target} HTTP/1.1\r\nHost: lockgate\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    chunks = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(path)
        connection.sendall(head.encode() + body)
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def read_answer(response: bytes) -> dict[str, object]:
    """Return the document of a response; one that is an error is raised."""
    head, _, body = response.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    try:
        document = json.loads(body or b"{}")
    except ValueError as error:
        raise PluginError(TRY_AGAIN, "the agent's answer was cut short", str(error)) from error
    if len(words) < 2 or not isinstance(document, dict):
        raise PluginError(TRY_AGAIN, "the agent's answer was cut short")
    if words[1] == b"200":
        return document
    code = document.get("code")
    raise PluginError(
        code if isinstance(code, int) else IO_FAILURE,
        str(document.get("msg") or f"the agent answered {words[1].decode('latin-1')}"),
        str(document.get("details") or document.get("detail") or ""),
    )


if __name__ == "__main__":
    sys.exit(main())
