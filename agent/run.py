"""The agent: puts the parts together, runs them until told to stop, and takes them down."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from agent.lock import node_lock
from agent.node import Node
from bpf.datapath import Datapath
from bpf.host import host_addresses
from bpf.kernel import probe_all
from bpf.routes import KernelRoutes
from lockgate.errors import BpfError, ConfigError, LockgateError, PrivilegeError
from lockgate.log import configure_logging
from lockgate.settings import Settings
from lockgate.sources.kube.access import ApiServer
from lockgate.sources.kube.source import KubernetesSource
from lockgate.sources.manifests import ManifestSource
from lockgate.sources.source import Source
from xds.envoy import EnvoyPaths, EnvoyProcess, find_envoy

log = structlog.get_logger()


def _say(line: str) -> None:
    # Whoever waits for this line may read it through a pipe.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ignore(step: str) -> None:
    del step


def run(
    settings: Settings,
    *,
    on_ready: Callable[[str], None] = _say,
    on_step: Callable[[str], None] = _ignore,
) -> int:
    """Run an agent in the foreground until SIGINT or SIGTERM; return an exit code.

    ``on_step`` is told what the start is at, ``on_ready`` gets one line when traffic can flow.
    An agent that is told to stop removes all it made, unless ``on_stop`` says that it leave it.
    One that is killed, or that fails, leaves traffic flowing for the next one to take over.

    Raises: LockgateError: what keeps it from starting, fit for the user.
    """
    configure_logging(settings.log_level)
    source = make_source(settings)
    if os.geteuid() != 0:
        msg = "the agent programs the kernel, for which it must be root; run it with sudo"
        raise PrivilegeError(msg)
    with node_lock():
        try:
            node = partial(Node, settings, source, host_addresses())
            line, leaves = _ready_line(settings), leaves_when_stopped(settings)
            return asyncio.run(_run(node, on_step, lambda: on_ready(line), leaves=leaves))
        except BpfError as error:
            raise _explain(error) from error


def clean_up(settings: Settings) -> None:
    """Remove what agents left on this host: Envoy, programs, maps and routes; pods stay.

    Raises: LockgateError: an agent runs, or the kernel refuses.
    """
    if os.geteuid() != 0:
        raise PrivilegeError("what is in the kernel only root may remove; run it with sudo")
    with node_lock():
        EnvoyProcess(find_envoy(settings), EnvoyPaths.of(settings)).stop()
        cgroup = Path(settings.cgroup) if settings.cgroup else None
        datapath = Datapath(settings.bpf_dir, settings.run_dir, cgroup)
        datapath.adopt()
        datapath.cleanup()
        routes = KernelRoutes()
        for prefix in routes.present():
            routes.delete(prefix)


def leaves_when_stopped(settings: Settings) -> bool:
    """Say whether an agent that is told to stop leaves what it made to the next one."""
    if settings.on_stop == "auto":
        return settings.source == "kubernetes"
    return settings.on_stop == "leave"


def make_source(settings: Settings) -> Source:
    """Return where declarations come from.

    Raises: ConfigError: the setting names nothing that can be read.
    """
    if settings.source == "kubernetes":
        server = ApiServer(settings.kubeconfig)
        return KubernetesSource(
            server,
            compat_cilium=settings.compat_cilium,
            secrets_namespace=settings.ingress_secrets_namespace,
        )
    kind, _, folder = settings.source.partition(":")
    if kind != "manifests" or not folder:
        msg = f"source {settings.source!r} is not known; use manifests:DIR or kubernetes"
        raise ConfigError(msg)
    if not Path(folder).is_dir():
        msg = f"{folder} is not a folder; name the folder that holds the manifests"
        raise ConfigError(msg)
    return ManifestSource(Path(folder), compat_cilium=settings.compat_cilium)


def _explain(error: BpfError) -> LockgateError:
    """Return what this host lacks, with the fix for each, where that is why the kernel refused.

    Looked for only after a refusal, since trying everything takes a second.
    """
    missing = [probe for probe in probe_all() if not probe.ok]
    if not missing:
        return error
    listed = "; ".join(f"{probe.name}: {probe.detail} (fix: {probe.fix})" for probe in missing)
    return PrivilegeError(f"this host cannot run the agent yet: {listed}")


def _ready_line(settings: Settings) -> str:
    return f"ready http://127.0.0.1:{settings.http_port} https://127.0.0.1:{settings.https_port}"


async def _run(
    make_node: Callable[[], Node],
    on_step: Callable[[str], None],
    on_ready: Callable[[], None],
    *,
    leaves: bool,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    node = make_node()
    try:
        await node.start(on_step)
        on_ready()
        await node.serve_until(stop)
    except BaseException:
        # What an earlier agent left in force must not fall with this one; a first start that
        # fails has nothing that anybody relies on.
        await (node.leave() if node.adopts else node.stop())
        raise
    on_step("stopping")
    await (node.leave() if leaves else node.stop())
    return 0
