"""What every controller is: it is told of changes, and writes what they make necessary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from prometheus_client.core import Metric

from lockgate.sources.kube.kinds import Kind
from lockgate.sources.kube.reflector import Change
from lockgate.sources.kube.work_queue import WorkQueue

MANAGER = "lockgate-operator"
"""Of the fields that are applied."""
NOT_FOUND, CONFLICT = 404, 409


class Controller(Protocol):
    """One concern of the operator."""

    @property
    def name(self) -> str:
        """What it is called in metrics."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds it follows."""

    @property
    def queue(self) -> WorkQueue[tuple[str, str]]:
        """What is still to be written."""

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in changes of its kinds; the first call has all objects there are."""

    def metrics(self) -> Iterator[Metric]:
        """Yield what it is at."""
