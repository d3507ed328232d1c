"""Problems of objects told as Events: each once, for as long as it lasts."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from lockgate.model.meta import ObjectRef, Problem
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.events import Regarding, Reporter, post_event
from lockgate.sources.kube.work_queue import WorkQueue

log = structlog.get_logger()

CONTROLLER = "lockgate.io/operator"


class ProblemEvents:
    """Writes an Event for each new problem of an object."""

    def __init__(self, server: ApiServer, instance: str) -> None:
        self._server = server
        self._reporter = Reporter(CONTROLLER, instance, "Allocate")
        self._known: dict[ObjectRef, set[Problem]] = {}
        self.queue: WorkQueue[tuple[Problem, Regarding]] = WorkQueue("event", self._write)

    @property
    def count(self) -> int:
        """How many problems there are."""
        return sum(map(len, self._known.values()))

    def show(self, about: Regarding, problems: Iterable[Problem]) -> None:
        """Have an object's problems told; those that were told and are still there are not."""
        ref = ObjectRef(about.kind.kind, about.namespace, about.name)
        found = set(problems)
        new = found - self._known.get(ref, set())
        if found:
            self._known[ref] = found
        else:
            self._known.pop(ref, None)
        for problem in sorted(new):
            log.warning("problem", ref=str(ref), problem=str(problem))
        self.queue.add((problem, about) for problem in sorted(new))

    def forget(self, ref: ObjectRef) -> None:
        """Forget an object that is gone."""
        self._known.pop(ref, None)

    async def _write(self, key: tuple[Problem, Regarding]) -> bool:
        problem, about = key
        if problem in self._known.get(problem.ref, ()):
            await post_event(self._server, problem, about, self._reporter)
            return True
        return False
