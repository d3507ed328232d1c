"""Pods on this host: which ones run, adopted over restarts of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agent.hosts_file import ServiceAddresses, hosts_text, write_in_place
from agent.pod_record import PodRecord, read_record, spec_digest
from agent.pod_supervisor import PodStatus, PodSupervisor
from lockgate.model.workload import Pod

__all__ = ["PodRunner", "PodStatus"]


class PodRunner:
    """Runs pods as processes in network namespaces of their own.

    Args:
        state_dir: logs and records are in ``pods/NAMESPACE_NAME`` below it.
        run_dir: hosts files are in ``pods/NAMESPACE_NAME`` below it.
        cni_config: the network configuration that the CNI plugin is given.
        on_status: called in the event loop with every change of a pod's status; the last one of
            a pod has the phase ``Deleted``.
    """

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        cni_config: dict[str, Any],
        on_status: Callable[[PodStatus], None],
    ) -> None:
        self.statuses: dict[str, PodStatus] = {}
        """By ``namespace/name``."""
        self._state_dir = state_dir
        self._run_dir = run_dir
        self._cni_config = cni_config
        self._on_status = on_status
        self._pods: dict[str, PodSupervisor] = {}
        self._services: ServiceAddresses = {}
        self._lock = asyncio.Lock()

    async def adopt(self) -> None:
        """Find the pods an earlier agent left; :meth:`sync` decides what becomes of them."""
        for directory in sorted((self._state_dir / "pods").glob("*_*")):
            record = read_record(directory)
            if record is not None:
                supervisor = self._supervisor(record)
                self._pods[supervisor.path] = supervisor
                supervisor.publish()

    async def sync(self, put: Iterable[Pod], delete: Iterable[str]) -> None:
        """Start or change pods, and stop others by ``namespace/name``; no other is touched.

        It returns when what had to stop has stopped, not when what starts is ready.
        """
        async with self._lock:
            wanted = {pod.ref.path: pod for pod in put}
            gone = set(delete) - set(wanted)
            await asyncio.gather(
                *(self._put(pod) for pod in wanted.values()), *(self._delete(path) for path in gone)
            )

    async def stop_all(self) -> None:
        """Stop every pod and remove its network."""
        async with self._lock:
            await asyncio.gather(*(self._delete(path) for path in list(self._pods)))

    async def leave(self) -> None:
        """Stop watching pods and leave them running, for another agent to adopt."""
        async with self._lock:
            await asyncio.gather(*(pod.leave() for pod in self._pods.values()))
            self._pods.clear()

    def set_hosts(self, services: ServiceAddresses) -> None:
        """Tell every pod the Services' addresses, running ones too."""
        if services == self._services and (self._state_dir / "hosts").exists():
            return
        self._services = dict(services)
        write_in_place(self._state_dir / "hosts", hosts_text(services))
        for supervisor in self._pods.values():
            supervisor.write_hosts(services)

    async def _put(self, pod: Pod) -> None:
        path, digest = pod.ref.path, spec_digest(pod)
        supervisor = self._pods.get(path)
        if supervisor is not None and supervisor.record.spec != digest:
            await supervisor.stop()
            supervisor = None
        if supervisor is None:
            supervisor = self._supervisor(PodRecord(pod.namespace, pod.name, digest))
            self._pods[path] = supervisor
        supervisor.write_hosts(self._services)
        supervisor.watch(pod)

    async def _delete(self, path: str) -> None:
        supervisor = self._pods.get(path)
        if supervisor is not None:
            await supervisor.stop()
            del self._pods[path]
            self._note(PodStatus(path, "Deleted"))

    def _supervisor(self, record: PodRecord) -> PodSupervisor:
        name = f"{record.namespace}_{record.name}"
        return PodSupervisor(
            record,
            self._state_dir / "pods" / name,
            self._run_dir / "pods" / name / "hosts",
            self._cni_config,
            self._note,
        )

    def _note(self, status: PodStatus) -> None:
        if self.statuses.get(status.pod) == status:
            return
        if status.phase == "Deleted":
            self.statuses.pop(status.pod, None)
        else:
            self.statuses[status.pod] = status
        self._on_status(status)
