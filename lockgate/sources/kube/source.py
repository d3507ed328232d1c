"""The objects of an API server, as the same changes that a folder gives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from lockgate.model.meta import ObjectRef, Problem
from lockgate.model.workload import Pod
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.kinds import CILIUM_KINDS, KINDS, SECRET, Kind
from lockgate.sources.kube.reflector import Change, Document
from lockgate.sources.kube.secret_copies import CopiedSecrets
from lockgate.sources.kube.watches import Watches
from lockgate.sources.manifests import Delta
from lockgate.sources.parse import IGNORED, Declaration, parse

_MOST = 2000
"""Objects of one change at most, so that others get a turn between."""


class KubernetesSource:
    """Lists and watches every kind that is read.

    An object that is refused leaves its last good version in force. A kind that the server does
    not have is asked for again now and then.

    Args:
        server: that is asked.
        compat_cilium: read kinds of ``cilium.io`` too.
        secrets_namespace: read no Secrets but the copies in this namespace; empty: read all.
    """

    def __init__(
        self, server: ApiServer, *, compat_cilium: bool = False, secrets_namespace: str = ""
    ) -> None:
        self.server = server
        self._compat_cilium = compat_cilium
        kinds: tuple[Kind, ...] = (*KINDS, *CILIUM_KINDS) if compat_cilium else KINDS
        self._copied = CopiedSecrets() if secrets_namespace else None
        if secrets_namespace:
            copies = replace(SECRET, namespace=secrets_namespace)
            kinds = tuple(copies if kind == SECRET else kind for kind in kinds)
        self._watches = Watches(server, kinds)
        self._in_force: set[ObjectRef] = set()
        self._told: set[str] = set()

    @property
    def faults(self) -> list[str]:
        """Why kinds cannot be watched at the moment, by kind."""
        return self._watches.faults

    async def start(self) -> Delta:
        """Return all objects, as soon as every kind was listed; wait for the server if need be.

        Raises: ConfigError: there is no usable kubeconfig.
        """
        await self.server.connect()
        await self._watches.start()
        return self._take()

    async def watch(self) -> AsyncIterator[Delta]:
        """Yield changes for as long as the source is not closed."""
        while True:
            await self._watches.changed()
            delta = self._take(_MOST)
            if delta.put or delta.delete or delta.problems:
                yield delta

    async def close(self) -> None:
        """End all watches."""
        await self._watches.close()
        await self.server.close()

    def _take(self, most: int | None = None) -> Delta:
        put: list[Declaration] = []
        delete: list[ObjectRef] = []
        problems: dict[str, tuple[Problem, ...]] = {}
        for kind, change in self._watches.take(most):
            meant: Change | None = change
            if self._copied is not None and kind.kind == SECRET.kind:
                meant = self._copied.original(change)
            if meant is not None:
                self._read(kind, meant, put, delete, problems)
        return Delta(tuple(put), tuple(delete), problems)

    def _read(
        self,
        kind: Kind,
        change: Change,
        put: list[Declaration],
        delete: list[ObjectRef],
        problems: dict[str, tuple[Problem, ...]],
    ) -> None:
        ref = ObjectRef(kind.kind, *change.key)
        found: list[Problem] = []
        if change.document is None:
            self._in_force.discard(ref)
            delete.append(ref)
        else:
            rows, found = self._parse(kind, change.document)
            put += rows
            if rows:
                self._in_force.add(ref)
        told = str(ref)
        if found or told in self._told:
            problems[told] = tuple(found)
            (self._told.add if found else self._told.discard)(told)

    def _parse(self, kind: Kind, document: Document) -> tuple[list[Declaration], list[Problem]]:
        # Items of a list do not say what they are.
        whole = {**document, "apiVersion": kind.version, "kind": kind.kind}
        whole["metadata"] = {**document["metadata"], "managedFields": None}
        _, rows, problems = parse(whole, compat_cilium=self._compat_cilium, strict=False)
        kept = [problem for problem in problems if problem.reason != IGNORED]
        return [_remote(row) for row in rows], kept


def _remote(row: Declaration) -> Declaration:
    """Take from a pod its commands: those of a cluster are run by their node's kubelet."""
    if not isinstance(row, Pod):
        return row
    return replace(
        row, containers=tuple(replace(one, command=(), args=()) for one in row.containers)
    )
