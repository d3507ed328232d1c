"""One pod: its network, its processes, their restarts and whether it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent import pod_process, readiness
from agent.cni_client import run_plugin
from agent.hosts_file import ServiceAddresses, hosts_text, write_in_place
from agent.network import container_id, create_netns, netns_name, netns_path, remove_netns
from agent.pod_process import Launch
from agent.pod_record import FILE, ContainerRecord, PodRecord, write_record
from lockgate.errors import LockgateError, WorkloadError
from lockgate.model.workload import Container, Pod

MAX_BACKOFF_S: Final = 30.0
STEADY_S: Final = 60.0
"""A process that ran this long starts its back-off anew."""
_INHERITED: Final = ("HOME", "LANG", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class PodStatus:
    """How a pod is; ``phase`` is one of Kubernetes' or ``Deleted``."""

    pod: str
    """``namespace/name``."""
    phase: str = "Pending"
    ready: bool = False
    addresses: tuple[str, ...] = ()
    restarts: int = 0
    reason: str = ""
    """Why it is not ready, one CamelCase word, perhaps followed by a colon and the cause."""

    @property
    def address(self) -> str:
        """The primary address, empty while there is none."""
        return self.addresses[0] if self.addresses else ""


def backoff(failures: int) -> float:
    """Return the seconds to wait before the next start, after so many in a row."""
    return min(2.0 ** min(failures, 10), MAX_BACKOFF_S)


class PodSupervisor:
    """Keeps one pod as its record says; all methods are called in the event loop."""

    def __init__(
        self,
        record: PodRecord,
        directory: Path,
        hosts: Path,
        cni_config: dict[str, Any],
        on_status: Callable[[PodStatus], None],
    ) -> None:
        self.record = record
        self.path = f"{record.namespace}/{record.name}"
        self._directory = directory
        self._hosts = hosts
        self._cni_config = cni_config
        self._on_status = on_status
        self._netns_name = netns_name(record.namespace, record.name)
        self._netns = netns_path(self._netns_name)
        self._services: ServiceAddresses = {}
        self._reason = "" if record.address else "ContainerCreating"
        self._task: asyncio.Task[None] | None = None
        self._network_lock = asyncio.Lock()

    def watch(self, pod: Pod) -> None:
        """Start the pod, or take up what of it runs already; a second call changes nothing."""
        if self._task is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._task = asyncio.create_task(self._run(pod), name=f"pod {self.path}")

    def write_hosts(self, services: ServiceAddresses) -> None:
        """Write the pod's hosts file, in place, for its processes have it mounted."""
        self._services = services
        record = self.record
        own = [f"{address} {record.name}" for address in record.addresses]
        write_in_place(self._hosts, hosts_text(services, record.namespace, own))

    async def leave(self) -> None:
        """Stop watching; processes and network stay."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def stop(self) -> None:
        """End the pod's processes and remove its network and its record."""
        await self.leave()
        await pod_process.stop(self.record.processes, self._netns)
        async with self._network_lock:
            with contextlib.suppress(WorkloadError):
                # A link that cannot be taken down by the agent goes with its namespace.
                await self._plugin("DEL")
            await asyncio.to_thread(remove_netns, self._netns_name)
        self._hosts.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._hosts.parent.rmdir()
        (self._directory / FILE).unlink(missing_ok=True)

    def publish(self) -> None:
        """Report the status, and write down what the next agent must know."""
        self._directory.mkdir(parents=True, exist_ok=True)
        write_record(self._directory, self.record)
        rows = list(self.record.containers.values())
        phase = "Pending"
        if rows and all(row.finished for row in rows):
            phase = "Failed" if any(row.exit_code for row in rows) else "Succeeded"
        elif self.record.address and any(row.process for row in rows):
            phase = "Running"
        ready = phase == "Running" and all(row.ready for row in rows)
        reason = "" if ready else self._reason or ("NotReady" if phase == "Running" else "")
        restarts = sum(row.restarts for row in rows)
        self._on_status(PodStatus(self.path, phase, ready, self.record.addresses, restarts, reason))

    async def _run(self, pod: Pod) -> None:
        await self._connect()
        containers = [container for container in pod.containers if container.command]
        for container in containers:
            self.record.containers.setdefault(container.name, ContainerRecord())
        async with asyncio.TaskGroup() as group:
            for container in containers:
                group.create_task(self._keep(pod, container))

    async def _connect(self) -> None:
        failures = 0
        while not (self.record.address and self._netns.exists()):
            self.publish()
            try:
                # Shielded, so that a stop never overtakes a half-made network.
                await asyncio.shield(self._attach())
            except LockgateError as error:
                self._reason = f"NetworkFailed: {error}"
                self.publish()
                await asyncio.sleep(backoff(failures))
                failures += 1
        self._reason = ""
        self.write_hosts(self._services)

    async def _attach(self) -> None:
        async with self._network_lock:
            await asyncio.to_thread(create_netns, self._netns_name)
            result = await self._plugin("ADD")
            self.record.addresses = tuple(
                str(row["address"]).partition("/")[0] for row in result["ips"]
            )

    async def _plugin(self, command: str) -> dict[str, Any]:
        pod = (self.record.namespace, self.record.name)
        return await run_plugin(command, container_id(*pod), self._netns, pod, self._cni_config)

    async def _keep(self, pod: Pod, container: Container) -> None:
        """Run a container's process again and again, as far as the restart policy says."""
        row = self.record.containers[container.name]
        failures = 0
        while not row.finished:
            began = time.monotonic()
            alive = row.process is not None and pod_process.is_running(row.process)
            if not alive and not self._start(pod, container, row):
                await asyncio.sleep(backoff(failures))
                failures += 1
                continue
            code = await self._until_exit(pod, container, row)
            row.ready = False
            row.exit_code = code
            if pod.restart_policy == "Never" or (pod.restart_policy == "OnFailure" and code == 0):
                row.finished = True
                self._reason = "Completed" if code == 0 else "Error"
                self.publish()
                return
            failures = 0 if time.monotonic() - began >= STEADY_S else failures
            self._reason = "CrashLoopBackOff"
            self.publish()
            await asyncio.sleep(backoff(failures))
            failures += 1

    def _start(self, pod: Pod, container: Container, row: ContainerRecord) -> bool:
        restarted = row.process is not None
        launch = Launch(
            (*container.command, *container.args),
            self._environment(pod, container),
            container.working_dir,
            pod.name,
            self._netns,
            self._hosts,
            self._directory / f"{container.name}.log",
        )
        try:
            row.process = pod_process.start(launch)
        except LockgateError as error:
            self._reason = f"StartFailed: {error}"
            self.publish()
            return False
        row.restarts += restarted
        row.ready = False
        self._reason = ""
        return True

    def _environment(self, pod: Pod, container: Container) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        own = {
            "HOSTNAME": pod.name,
            "POD_IP": self.record.address,
            "POD_IPS": ",".join(self.record.addresses),
            "POD_NAME": pod.name,
            "POD_NAMESPACE": pod.namespace,
        }
        return {**inherited, **own, **dict(container.env)}

    async def _until_exit(self, pod: Pod, container: Container, row: ContainerRecord) -> int | None:
        """Probe a running process until it ends; return its exit code."""
        if row.process is None:
            return None
        probing: asyncio.Task[None] | None = None
        probe = container.readiness
        port = readiness.probe_port(pod, container, probe) if probe else None
        if probe is None:
            row.ready = True
        elif port is None:
            self._reason = f"ProbeFailed: container {container.name} has no port {probe.port}"
        else:

            def note(ready: bool) -> None:
                row.ready = ready
                self.publish()

            address = self.record.address
            probing = asyncio.create_task(
                readiness.follow(address, port, probe, note, ready=row.ready)
            )
        self.publish()
        try:
            return await pod_process.wait_exit(row.process)
        finally:
            if probing is not None:
                probing.cancel()
                await asyncio.gather(probing, return_exceptions=True)
