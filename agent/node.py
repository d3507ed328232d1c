"""One node: every part of the agent, started in order and kept running."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from agent import ingress_view, view
from agent.cluster_pods import ClusterPods
from agent.cni import CniServer
from agent.desired import Desired
from agent.dns_proxy import DnsProxy
from agent.enforce import KernelReconciler
from agent.flows import FlowRing
from agent.health_checks import HealthChecks
from agent.ingress_status import IngressStatus
from agent.ipam import Ipam
from agent.learnt_names import LearntNames
from agent.metrics import exposition
from agent.network import PodNetwork, datapath_options, host_interface, usable_prefixes
from agent.node_ports import NodePorts
from agent.node_routes import NodeRoutes
from agent.observe import Names, flow_of_request, flow_of_verdict
from agent.pods import PodRunner, PodStatus
from agent.proxy_ports import ProxyPorts
from agent.publish import LISTENER_WAIT_S, ProxyReconciler
from agent.published import Publisher
from agent.request_metrics import RequestMetrics
from agent.rest import ExplainRequest, RestServer, TraceRequest, build_app
from agent.saved_state import SavedState
from agent.service_ips import ServiceIps
from bpf.datapath import Datapath
from bpf.routes import KernelRoutes
from lockgate.errors import BpfError, EnvoyError, LockgateError
from lockgate.model.meta import Problem
from lockgate.model.workload import Pod
from lockgate.policy.engine import answer
from lockgate.policy.prefixes import host_prefix
from lockgate.policy.trace import Question, matrix
from lockgate.settings import Settings
from lockgate.sources.kube.source import KubernetesSource
from lockgate.sources.manifests import Delta
from lockgate.sources.source import Source
from xds.access import TcpListener, TlsFiles
from xds.access_log import HttpLogEntry
from xds.diff import differences
from xds.envoy import EnvoyPaths, EnvoyProcess, find_envoy
from xds.log_sampling import SHARE_KEY, next_share, share_value
from xds.resource import LISTENER
from xds.server import XdsServer
from xds.snapshot import Refusal, SnapshotCache
from xds.store import SnapshotStore
from xds.translate.ingress.listeners import HTTP_LISTENER, HTTPS_LISTENER

log = structlog.get_logger()

TICK_S = 0.01
"""Between two ticks at least; changes that come within this time are one tick."""
PODS_READY_S = 20.0
"""How long the start waits for pods; a pod that needs longer does not hold back the rest."""
ENVOY_CHECK_S = 1.0
ADD_WAIT_S = 5.0
"""How long the CNI plugin is kept waiting until the kernel knows a pod's policy."""
LEARN_WAIT_S = 2.0
"""How long a DNS answer is held back until the kernel knows its addresses."""
EXPIRY_CHECK_S = 10.0
COLLECT_S = 30.0
"""Between two looks for connections that have timed out in the kernel's tables."""
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
"""Between tries to bring the kernel and Envoy in step, doubled each time."""


class Node:
    """The parts of an agent and the loop that drives them."""

    def __init__(self, settings: Settings, source: Source, host_addresses: Sequence[str]) -> None:
        self.settings = settings
        self._host_addresses = host_addresses
        settings.run_dir.mkdir(parents=True, exist_ok=True)
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        self._saved = SavedState(settings.state_dir / "agent.json")
        self.desired = Desired(settings, self._saved, [*map(host_prefix, host_addresses)])
        self.flows = FlowRing()
        self._names = Names(self.desired, host_addresses)
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._failure = ""
        self._retry_s = 0.0
        self._entries, self._log_share = 0, 1.0
        self._awaiting: list[asyncio.Future[None]] = []
        self._dirty = asyncio.Event()
        self._kernel_lock = threading.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()
        self._started = False
        self.adopts = settings.bpf_dir.exists()
        """Whether an earlier agent left something in force."""
        self._restore()
        self._build_pods()
        self._build_proxy()
        self._source = source
        self._new_refusals: list[Problem] = []
        self._build_writers(source)
        self._rest = RestServer(build_app(self), settings.agent_socket)

    def _build_writers(self, source: Source) -> None:
        self._ingress_status: IngressStatus | None = None
        if isinstance(source, KubernetesSource):
            self._ingress_status = IngressStatus(
                self.desired, source.server, self._host_addresses, self.problems
            )
        self._publisher: Publisher | None = None
        if isinstance(source, KubernetesSource) and self.settings.publish_endpoints:
            self._publisher = Publisher(self.desired, source.server)

    def _restore(self) -> None:
        settings = self.settings
        self._in_cluster = settings.source == "kubernetes"
        """Whether an API server gives addresses to Services, and kubelets run the pods."""
        self._pod_prefixes, self._no_ipv6 = usable_prefixes(settings.pod_prefixes)
        if self._no_ipv6:
            log.warning("pods get IPv4 addresses only", reason=self._no_ipv6)
        leases = self._saved.section("addresses")
        self._own_ipam = Ipam(self._pod_prefixes, leases)
        self._cluster_pods = ClusterPods(settings, leases, self._on_attached)
        service_prefixes, _ = usable_prefixes(settings.service_prefixes)
        self._service_ips = ServiceIps(service_prefixes, self._saved.section("service_addresses"))
        self._node_ports = NodePorts(
            settings.node_port_first, settings.node_port_last, self._saved.section("node_ports")
        )
        self.desired.topology.forwarding.set_host_addresses(self._host_addresses)
        self._health = HealthChecks(self.desired.topology.forwarding.health_checks)
        self._learnt = LearntNames(settings.dns_min_ttl_s, self._saved.section("learnt"))
        self._show_learnt(self._learnt.names())
        self.desired.policy.audited.replace(dict(self._saved.section("audited")))
        self._ports = ProxyPorts(
            settings.proxy_port_first, settings.proxy_port_last, self._saved.section("proxy")
        )

    def _build_pods(self) -> None:
        settings = self.settings
        self._network = PodNetwork()
        self._cni = CniServer(
            lambda: self._ipam, self._network, self._attach, self._detach, self._no_pods_why
        )
        self.pods = PodRunner(
            settings.state_dir,
            settings.run_dir,
            {
                "cniVersion": "1.1.0",
                "name": "lockgate",
                "type": "lockgate-cni",
                "agentSocket": str(settings.agent_socket),
            },
            self._on_pod_status,
        )

    def _build_proxy(self) -> None:
        settings = self.settings
        self._cache = SnapshotCache(self._on_refusal)
        self._requests = RequestMetrics(self.desired.ingress.claimed)
        self._store = SnapshotStore(settings.state_dir / "snapshot.db")
        self._xds = XdsServer(
            settings.xds_socket,
            self._cache,
            self._on_request,
            _tcp_listener(settings, self._cache),
        )
        self._envoy = EnvoyProcess(
            find_envoy(settings),
            EnvoyPaths.of(settings),
            settings.node_name,
            settings.envoy_concurrency,
            external=settings.envoy_external,
        )
        self._datapath = Datapath(
            settings.bpf_dir,
            settings.run_dir,
            Path(settings.cgroup) if settings.cgroup else None,
            datapath_options(settings),
        )
        self._routes = NodeRoutes(self.desired.declared.nodes, settings.node_name, KernelRoutes())
        self._dns = DnsProxy(self._learn, settings.dns_reject)
        shards = self._saved.section("routes").get("shards", 0)
        self._proxy = ProxyReconciler(self.desired, self._cache, self._ports, self._dns, shards)
        self._kernel = KernelReconciler(
            self.desired, self._datapath, self._ports, self._host_addresses, self._interface
        )

    @property
    def _prefixes(self) -> tuple[str, ...]:
        return self._cluster_pods.prefixes if self._in_cluster else self._pod_prefixes

    @property
    def _ipam(self) -> Ipam:
        return self._cluster_pods.ipam if self._in_cluster else self._own_ipam

    def _interface(self, endpoint: str) -> str | None:
        if self._in_cluster:
            return self._cluster_pods.attachments.interface(endpoint)
        return host_interface(endpoint)

    def _no_pods_why(self) -> str:
        if not self._in_cluster:
            return ""
        return self._cluster_pods.fault if self._started else "the agent is starting"

    async def start(self, on_step: Callable[[str], None]) -> None:
        """Adopt or make everything; traffic can flow when this returns.

        Args:
            on_step: told what is being done now, in a few words.

        Raises: LockgateError: a part that cannot work here, with the fix.
        """
        on_step("loading the kernel programs")
        await asyncio.to_thread(self._datapath.start)
        self._kernel.know_host()
        self._datapath.events(lambda event: self.flows.add(flow_of_verdict(event, self._names)))
        await self._rest.start()
        self._cache.restore(await asyncio.to_thread(self._store.load))
        await self._xds.start()
        on_step("starting Envoy")
        await asyncio.to_thread(self._envoy.ensure)
        on_step(f"reading {self.settings.source}")
        self._apply(await self._source.start())
        self._know_own_node()
        await self.pods.adopt()
        await asyncio.to_thread(self._attach_adopted)
        on_step("starting the pods")
        await self._sync_pods(set(self.desired.declared.pods))
        await self._wait_for_pods()
        on_step("programming the kernel and Envoy")
        await self._reconcile()
        self._started = True
        self._cache.ready()
        await self._keep_snapshot()
        gc.freeze()  # what is here by now stays: collecting it again and again would stall us
        await asyncio.to_thread(self._envoy.wait_ready)
        await self._check_ingress_ports()
        self.adopts = True
        self._run_all()

    def _run_all(self) -> None:
        self._run("source", self._follow_source())
        self._run("ticks", self._tick_forever())
        self._run("envoy", self._supervise_envoy())
        self._run("events", self._poll_events())
        self._run("names", self._expire_names())
        self._run("connections", self._collect())
        if self._ingress_status is not None:
            self._run("ingress status", self._ingress_status.run())
        if self._publisher is not None:
            self._run("publisher", self._publisher.run())

    async def _check_ingress_ports(self) -> None:
        if self.adopts or self._envoy.external:
            return  # Envoy serves already, and may take its time to come back to us
        flags = {HTTP_LISTENER: "--http-port", HTTPS_LISTENER: "--https-port"}
        for name in flags.keys() & self._cache.of_type(LISTENER).keys():
            if not await self._cache.wait_acked(LISTENER, name, LISTENER_WAIT_S):
                refused = self._cache.refusals.get((LISTENER, name))
                if refused is None:
                    # With thousands of hosts Envoy is still busy with what came before.
                    log.warning("envoy has not confirmed a listener yet", listener=name)
                    continue
                msg = (
                    f"the Ingress cannot listen: {refused.detail}; "
                    f"free the port or choose {flags[name]}"
                )
                raise EnvoyError(msg)

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set or a part of ours fails for good."""
        waiting = asyncio.create_task(stop.wait(), name="stop")
        done, _ = await asyncio.wait({waiting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done - {waiting}:
            task.result()

    async def stop(self) -> None:
        """Stop all that was started and remove all that was made."""
        await self._end_tasks()
        await self.pods.stop_all()
        await self._rest.stop()
        await asyncio.to_thread(self._envoy.stop)
        await self._xds.stop()
        await asyncio.to_thread(self._datapath.cleanup)

    async def leave(self) -> None:
        """End, but let pods, Envoy and the kernel go on, for the next agent to adopt."""
        await self._end_tasks()
        await self.pods.leave()
        await self._rest.stop()
        await self._xds.stop()

    async def _end_tasks(self) -> None:
        await self._dns.close()
        await self._health.close()
        await self._proxy.routes.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._source.close()

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    # What comes in.

    def _apply(self, delta: Delta) -> None:
        self.desired.declared.delete(delta.delete)
        self.desired.declared.put(delta.put)
        self._problems.update(delta.problems)
        for problems in delta.problems.values():
            for problem in problems:
                log.warning("object refused", ref=str(problem.ref), problem=str(problem))
            self._new_refusals += problems
        if not self._in_cluster:
            self._assign_service_ips()

    def _know_own_node(self) -> None:
        if self._in_cluster:
            own = self.desired.declared.nodes.get(self.settings.node_name)
            if self._cluster_pods.know_node(own):
                log.info("pods get addresses", prefixes=self._cluster_pods.prefixes)

    def _assign_service_ips(self) -> None:
        services = self.desired.declared.services
        assigned = self._service_ips.assign(services.values())
        self.desired.topology.service_ips.replace(dict(assigned))
        self.desired.topology.node_ports.replace(self._node_ports.assign(services.values()))

    async def _follow_source(self) -> None:
        async for delta in self._source.watch():
            self._apply(delta)
            self._know_own_node()
            changed = {ref.path for ref in delta.delete if ref.kind == "Pod"}
            changed |= {row.ref.path for row in delta.put if isinstance(row, Pod)}
            await self._sync_pods(changed)
            self._dirty.set()

    async def _sync_pods(self, changed: set[str]) -> None:
        if self._in_cluster:
            return  # the kubelet runs them, and the cluster's DNS knows the Services
        self._write_hosts()
        rows = {name: self.desired.declared.pods.get(name) for name in sorted(changed)}
        put = [row for row in rows.values() if row is not None and row.runs_here]
        gone = [name for name, row in rows.items() if row is None or not row.runs_here]
        adopted = set(self.pods.statuses) - set(self.desired.declared.pods)
        await self.pods.sync(put, sorted({*gone, *adopted}))

    def _write_hosts(self) -> None:
        self.desired.graph.tick()
        self.pods.set_hosts(
            {
                (namespace, name): service.cluster_ips
                for (namespace, name), service in self.desired.topology.services.items()
                if service.cluster_ips
            }
        )

    def _on_pod_status(self, status: PodStatus) -> None:
        table = self.desired.topology.pod_status
        if status.phase == "Deleted":
            table.delete(status.pod)
        else:
            table.put(status.pod, status)
        self._dirty.set()

    async def _wait_for_pods(self) -> None:
        deadline = time.monotonic() + PODS_READY_S
        while time.monotonic() < deadline:
            if all(status.ready for status in self.pods.statuses.values()):
                return
            await asyncio.sleep(0.05)

    def _on_request(self, entry: HttpLogEntry) -> None:
        self._entries += 1
        self.flows.add(flow_of_request(entry, self._names))
        self._requests.add(entry, 1 / self._log_share)

    def _on_refusal(self, refusal: Refusal) -> None:
        log.error(
            "resource refused",
            by=refusal.by,
            resource=refusal.name,
            origin=[*map(str, refusal.origin)],
            detail=refusal.detail,
        )
        self._proxy.routes.refused(refusal)

    # What goes out.

    async def _tick_forever(self) -> None:
        last = 0.0
        while True:
            await self._dirty.wait()
            # The first change after a pause is not held back.
            await asyncio.sleep(max(0.0, last + TICK_S - time.monotonic()))
            last = time.monotonic()
            self._dirty.clear()
            await self._reconcile()

    async def _learn(self, name: str, answers: list[tuple[str, float]]) -> None:
        """Take in the addresses of a name; return when the kernel knows them, or it takes long."""
        if not self._learnt.learn(name, answers, time.time()):
            return
        self._show_learnt([name])
        await self._in_force(LEARN_WAIT_S)

    def _show_learnt(self, names: Iterable[str]) -> None:
        table = self.desired.surroundings.learnt
        for name in names:
            addresses = self._learnt.addresses(name)
            if addresses:
                table.put(name, addresses)
            else:
                table.delete(name)

    async def _expire_names(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            lost = self._learnt.expire(time.time())
            self._show_learnt(lost)
            # Identities that nobody holds any more are forgotten in a tick too.
            self._dirty.set()

    async def _reconcile(self) -> None:
        awaiting, self._awaiting = self._awaiting, []
        self.desired.tick(time.monotonic())
        try:
            await self._proxy.publish()
            await asyncio.to_thread(self._enforce)
            self._proxy.withdraw()
            await self._health.serve()
            await self._keep_snapshot()
        except LockgateError as error:
            self._retry_s = min(self._retry_s * 2, LONGEST_RETRY_S) or FIRST_RETRY_S
            self._failure = str(error)
            log.error(  # noqa: TRY400  # an expected failure needs no stack
                "reconciling failed", reason=self._failure, again_in_s=self._retry_s
            )
            asyncio.get_running_loop().call_later(self._retry_s, self._dirty.set)
            self._awaiting += awaiting
        else:
            for in_force in awaiting:
                in_force.set_result(None)
            self._retry_s, self._failure = 0.0, ""
            if self._publisher is not None:
                self._publisher.collect()
        new = self.desired.new_problems()
        for problem in new:
            log.warning("object cannot be served as declared", problem=str(problem))
        if self._ingress_status is not None:
            self._ingress_status.collect([*new, *self._new_refusals])
        self._new_refusals.clear()
        self._save()

    async def _keep_snapshot(self) -> None:
        put, remove = self._cache.unsaved()
        if put or remove:
            try:
                await asyncio.to_thread(self._store.save, put, remove)
            except OSError as error:
                log.warning("snapshot not kept for the next start", reason=str(error))

    def _enforce(self) -> None:
        with self._kernel_lock:
            self._kernel.enforce()
        if self._in_cluster:
            self._routes.enforce()

    def _save(self) -> None:
        self._saved.save(
            identities=self.desired.policy.state(),
            endpoints=self.desired.endpoint_ids(),
            addresses=self._ipam.state(),
            service_addresses=self._service_ips.state(),
            node_ports=self._node_ports.state(),
            proxy=self._ports.state(),
            learnt=self._learnt.state(),
            audited=dict(self.desired.policy.audited.items()),
            routes={"shards": self._proxy.routes.shards},
        )

    # What the CNI plugin asks for.

    async def cni(self, command: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer the CNI plugin."""
        answer = await asyncio.to_thread(self._cni.handle, command, request)
        if self._in_cluster and command in ("add", "del"):
            await self._in_force(ADD_WAIT_S)
        return answer

    async def _in_force(self, limit_s: float) -> None:
        """Wait until what was noted by now is in force, or that takes long."""
        in_force: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaiting.append(in_force)
        self._dirty.set()
        await asyncio.wait([in_force], timeout=limit_s)

    def _attach(self, endpoint: str, interface: str, addresses: Sequence[str]) -> None:
        with self._kernel_lock:
            self._datapath.attach(interface, self.desired.endpoint_id(endpoint), 0, addresses)
            self._kernel.attached(endpoint)
        if self._in_cluster:
            self._cluster_pods.added(endpoint, interface, addresses)

    def _on_attached(self, status: PodStatus) -> None:
        # The CNI server works in threads of its own.
        self._loop.call_soon_threadsafe(self._on_pod_status, status)

    def _attach_adopted(self) -> None:
        """Put pods that ran before us under enforcement, even if our pins were lost."""
        if self._in_cluster:
            self._cluster_pods.adopt(self._network, self._adopt)
        for name, status in self.pods.statuses.items():
            if status.addresses:
                self._adopt(name, host_interface(name), status.addresses)

    def _adopt(self, endpoint: str, interface: str, addresses: Sequence[str]) -> None:
        try:
            self._attach(endpoint, interface, addresses)
        except BpfError as error:
            log.warning("pod has lost its link", pod=endpoint, reason=str(error))

    def _detach(self, endpoint: str, interface: str, addresses: Sequence[str]) -> None:
        if self._in_cluster and not self._cluster_pods.removed(endpoint, interface):
            return  # another sandbox of the pod is attached by now
        with self._kernel_lock:
            self._datapath.detach(interface, self.desired.endpoint_id(endpoint), addresses)
        self.desired.forget_endpoint(endpoint)

    # What is watched.

    async def _supervise_envoy(self) -> None:
        while True:
            await asyncio.sleep(ENVOY_CHECK_S)
            if await asyncio.to_thread(self._envoy.ensure):
                log.error("envoy was gone and is started again")
                self._log_share = 1.0
            await self._share_log()

    async def _share_log(self) -> None:
        """Have Envoy report as large a share of the requests as is worth its cost."""
        entries, self._entries = self._entries, 0
        share = next_share(self._log_share, entries / ENVOY_CHECK_S)
        if share != self._log_share:
            with contextlib.suppress(EnvoyError):  # it starts, or ends; the next second asks anew
                value = share_value(share)
                await asyncio.to_thread(self._envoy.admin.set_runtime, SHARE_KEY, value)
                self._log_share = share

    async def _collect(self) -> None:
        while True:
            await asyncio.sleep(COLLECT_S)
            await asyncio.to_thread(self._datapath.collect)

    async def _poll_events(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.to_thread(self._datapath.poll, 200)

    # What is shown.

    def problems(self) -> list[Problem]:
        """Return everything wrong with what was declared, sorted."""
        found = [problem for problems in self._problems.values() for problem in problems]
        found += [*self._proxy.routes.problems(), *self._service_ips.problems]
        found += [*self._node_ports.problems, *self._health.problems()]
        found += view.refusal_problems(self._cache.refusals.values())
        found += self.desired.ingress.expired(datetime.now(UTC))
        return sorted({*found, *self.desired.problems()})

    def status(self) -> dict[str, Any]:
        """Return the health of every part, the problems and the addresses."""
        parts = [
            {"name": "datapath", "ok": True, "detail": f"pinned in {self.settings.bpf_dir}"},
            self._envoy_part(),
            self._pods_part(),
            {
                "name": "addresses",
                "ok": True,
                "detail": ", ".join(self._prefixes)
                + (f"; no IPv6: {self._no_ipv6}" if self._no_ipv6 else ""),
            },
            {
                "name": "dns",
                "ok": not self._dns.failures,
                "detail": "; ".join(self._dns.failures) or f"{len(self._learnt.names())} names",
            },
            {
                "name": "source",
                "ok": not self._source.faults,
                "detail": "; ".join(self._source.faults) or self.settings.source,
            },
            {
                "name": "reconcile",
                "ok": not self._failure,
                "detail": self._failure or "in step",
            },
        ]
        problems = [view.problem_view(problem) for problem in self.problems()]
        return {
            "healthy": all(part["ok"] for part in parts),
            "parts": parts,
            "problems": [row for row in problems if row["reason"] != "IgnoredKind"],
            "addresses": {
                "http": f"http://127.0.0.1:{self.settings.http_port}",
                "https": f"https://127.0.0.1:{self.settings.https_port}",
            },
        }

    def _envoy_part(self) -> dict[str, Any]:
        pid = self._envoy.pid
        return {
            "name": "envoy",
            "ok": pid is not None,
            "detail": f"pid {pid}" if pid else "not running; it is started again",
        }

    def _pods_part(self) -> dict[str, Any]:
        waiting = [name for name, status in self._statuses.items() if not status.ready]
        detail = f"{len(self._statuses)} pods" + (
            f", not ready: {', '.join(sorted(waiting))}" if waiting else ""
        )
        return {"name": "pods", "ok": not waiting, "detail": detail}

    @property
    def _statuses(self) -> dict[str, PodStatus]:
        return dict(self.desired.topology.pod_status.items())

    def endpoints(self) -> list[dict[str, Any]]:
        """Return every endpoint of this node."""
        statuses: Mapping[str, PodStatus] = self._statuses
        return [view.endpoint_view(self.desired, statuses[name]) for name in sorted(statuses)]

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """Return one endpoint with its policy, or None."""
        status = self._statuses.get(name)
        if status is None:
            return None
        policy = self.desired.policy.endpoint_policies.get(name)
        return {
            **view.endpoint_view(self.desired, status),
            "interface": self._interface(name),
            "policy": view.policy_entries(policy),
        }

    def set_audit(self, name: str, audit: bool) -> bool:  # as the request says
        """Turn audit of an endpoint on or off; False if there is no such endpoint here."""
        if name not in self._statuses:
            return False
        if audit:
            self.desired.policy.audited.put(name, row=True)
        else:
            self.desired.policy.audited.delete(name)
        self._dirty.set()
        return True

    def identities(self) -> list[dict[str, Any]]:
        """Return every identity with its labels."""
        return view.identities_view(self.desired)

    def services(self) -> list[dict[str, Any]]:
        """Return every Service frontend with its backends."""
        return view.services_view(self.desired)

    def ingresses(self) -> list[dict[str, Any]]:
        """Return every Ingress that is ours."""
        return ingress_view.ingresses_view(self.desired, self.problems())

    def ingress(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one Ingress, or None if it is not ours."""
        return ingress_view.ingress_view(self.desired, (namespace, name), self.problems())

    def explain(self, asked: ExplainRequest) -> dict[str, Any]:
        """Say what becomes of a request; ValueError: its URL names no host."""
        return ingress_view.explanation_view(self.desired, asked.url, asked.headers)

    def policies(self) -> list[dict[str, Any]]:
        """Return every policy with the endpoints it selects."""
        return view.policies_view(self.desired, self.problems())

    def trace(self, asked: TraceRequest) -> dict[str, Any]:
        """Say whether a connection would pass; LookupError names an end that is not known."""
        question = Question(asked.port, asked.protocol, asked.request)
        return asdict(answer(self.desired.policy, asked.source, asked.destination, question))

    def matrix(self, ports: list[tuple[int, str]]) -> dict[str, Any]:
        """Return the outcome between every ordered pair of pods of this node."""
        parties = [self.desired.policy.party(name) for name in sorted(self._statuses)]
        return matrix([party for party in parties if party is not None], ports)

    def metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return exposition(self._cache, self._xds, self._requests)

    def envoy(self, part: str) -> Any:  # whatever Envoy's admin interface says
        """Return a part of what Envoy holds."""
        admin = self._envoy.admin
        match part:
            case "listeners":
                return admin.listeners()
            case "clusters":
                return admin.clusters()
            case "diff":
                found = differences(self._cache.resources(), admin.config_dump())
                return [asdict(row) for row in found]
            case "refused":
                return view.refusals_view(self._cache.refusals.values())
            case _:
                return admin.config_dump()


def _tcp_listener(settings: Settings, cache: SnapshotCache) -> TcpListener | None:
    """Return where Envoys beyond this host reach us, if the settings say so."""
    if not settings.xds_listen:
        return None
    files = (settings.xds_certificate, settings.xds_private_key, settings.xds_client_ca)
    certificate, private_key, client_ca = map(Path, files)
    tls = TlsFiles(certificate, private_key, client_ca)
    return TcpListener(settings.xds_listen, tls, {settings.node_name: cache})
