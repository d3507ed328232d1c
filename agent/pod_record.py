"""What an agent writes down of a running pod, so that the next one can adopt it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from agent.pod_process import Process
from lockgate.model.workload import Pod

FILE = "state.json"
SCHEMA = 2


@dataclass(slots=True)
class ContainerRecord:
    """A container: its process, or the code it ended with for good."""

    process: Process | None = None
    restarts: int = 0
    exit_code: int | None = None
    finished: bool = False
    ready: bool = False


@dataclass(slots=True)
class PodRecord:
    """A pod: the digest of what it was started from, and what became of it."""

    namespace: str
    name: str
    spec: str
    addresses: tuple[str, ...] = ()
    containers: dict[str, ContainerRecord] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The primary address, empty while there is none."""
        return self.addresses[0] if self.addresses else ""

    @property
    def processes(self) -> list[Process]:
        """The processes started last, running or not."""
        return [row.process for row in self.containers.values() if row.process is not None]


def spec_digest(pod: Pod) -> str:
    """Return a digest of all that, when changed, means a new start; labels do not."""
    started = replace(pod, labels=(), addresses=())
    return hashlib.sha256(orjson.dumps(asdict(started))).hexdigest()[:16]


def write_record(directory: Path, record: PodRecord) -> None:
    """Write a record atomically."""
    body = orjson.dumps({"schema": SCHEMA, "pod": asdict(record)})
    temporary = directory / f"{FILE}.{os.getpid()}"
    temporary.write_bytes(body)
    temporary.replace(directory / FILE)


def read_record(directory: Path) -> PodRecord | None:
    """Return a record; None for one that is missing, damaged or of another schema."""
    try:
        document = orjson.loads((directory / FILE).read_bytes())
        if document["schema"] != SCHEMA:
            return None
        pod = document["pod"]
        containers = {name: _container(row) for name, row in pod.pop("containers").items()}
        addresses = tuple(pod.pop("addresses"))
        return PodRecord(**pod, addresses=addresses, containers=containers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _container(row: dict[str, Any]) -> ContainerRecord:
    process = row.pop("process")
    return ContainerRecord(**row, process=Process(**process) if process else None)
