"""One node: namespaces and control groups of its own, a container runtime, a kubelet, Lockgate."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent import cni_install
from tests.cluster import config

CGROUPS = Path("/sys/fs/cgroup")
LINK_ADDRESS = "10.99.0."
"""Nodes are numbered from 1; their addresses on the common link follow from that."""
RUNTIME = "/run/containerd/containerd.sock"
AGENT_SOCKET = "/run/lockgate/agent.sock"
LIMIT_S = 60.0
_OWN_SYSCTLS = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
"""What kubelet sets for the whole host; here it gets files to write to."""


_STARTED: list[subprocess.Popen[bytes]] = []
"""What was started by this process, which the nodes end."""


@dataclass(frozen=True)
class Node:
    """A node and where its files are; ``root`` is the cluster's folder."""

    number: int
    root: Path

    @property
    def name(self) -> str:
        """Return its name, which is also that of its network namespace and control groups."""
        return f"lg-node-{self.number}"

    @property
    def address(self) -> str:
        """Return its address."""
        return f"{LINK_ADDRESS}1{self.number}"

    @property
    def folder(self) -> Path:
        """Return where its files are."""
        return self.root / f"node{self.number}"

    @property
    def cgroup(self) -> Path:
        """Return its control group of version 2, whose sockets see Services."""
        return _unified() / self.name

    @property
    def init(self) -> int:
        """Return the id of its first process."""
        return int((self.folder / "init.pid").read_text())

    def command(self, *words: str | Path) -> list[str]:
        """Return the words that run a command inside."""
        enter = f"echo 0 > {self.cgroup}/cgroup.procs && exec setsid -w nsenter -t {self.init}"
        script = f'{enter} -n -m -p -u -i -- "$@"'
        return ["sh", "-c", script, "sh", *map(str, words)]

    def run(self, *words: str | Path, check: bool = True) -> str:
        """Run a command inside and return what it printed."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(
        self, name: str, *words: str | Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a process inside; it ends with the node."""
        with (self.root / "log" / f"{name}{self.number}.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(*words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        _STARTED.append(process)

    def create(self, waiter: Path) -> None:
        """Make the namespaces, with a first process that keeps them."""
        for part in ("etc", "cni.d", "logs", "kubelet/volumeplugins", "containerd", "sysctl"):
            (self.folder / part).mkdir(parents=True)
        _make_cgroups(self.name)
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        keep = "exec unshare --mount --propagation slave --uts --ipc --pid --fork --mount-proc"
        script = f"echo 0 > {self.cgroup}/cgroup.procs && {keep} setsid {waiter}"
        with (self.root / "log" / f"init{self.number}.log").open("wb") as log:
            outer = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.name}", "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: _child(outer.pid, waiter) is not None, f"{self.name} starts")
        (self.folder / "init.pid").write_text(str(_child(outer.pid, waiter)))
        self._prepare()

    def _prepare(self) -> None:
        self.run("hostname", self.name)
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        for name, value in _OWN_SYSCTLS.items():
            own = self.folder / "sysctl" / name.replace("/", ".")
            own.write_text(f"{value}\n")
            self.run("mount", "--bind", own, f"/proc/sys/{name}")
        self.run("mount", "--bind", self.folder / "logs", "/var/log")
        self.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        self.run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        (self.folder / "etc" / "resolv.conf").write_text(f"nameserver {config.DNS}\n")

    def start_runtime(self, programs: Path, plugins: Path) -> None:
        """Start the container runtime, with our plugin as the only network of pods."""
        settings = self.folder / "containerd" / "config.toml"
        settings.write_text(
            config.containerd(self.folder, programs / "runc", plugins, self.folder / "cni.d")
        )
        cni_install.install_configuration(self.folder / "cni.d", AGENT_SOCKET, exclusive=True)
        path = {"PATH": f"{programs}:{os.environ['PATH']}"}
        self.start("containerd", programs / "containerd", "-c", settings, environment=path)
        asked = (programs / "ctr", "-a", RUNTIME, "version")
        until(lambda: self.succeeds(*asked), f"containerd of {self.name} answers")

    def import_image(self, programs: Path, archive: Path) -> None:
        """Give the runtime an image."""
        self.run(programs / "ctr", "-a", RUNTIME, "-n", "k8s.io", "images", "import", archive)

    def succeeds(self, *words: str | Path) -> bool:
        """Run a command inside and say whether it succeeded."""
        done = subprocess.run(self.command(*words), capture_output=True, check=False)
        return done.returncode == 0

    def start_kubelet(self, programs: Path, pki: Path) -> None:
        """Start the kubelet."""
        settings = self.folder / "kubelet.yaml"
        settings.write_text(config.kubelet(self.name, self.folder, pki, RUNTIME))
        self.start(
            "kubelet", programs / "kubelet", f"--config={settings}",
            f"--kubeconfig={pki}/{self.name}.kubeconfig", f"--root-dir={self.folder}/kubelet",
            f"--cert-dir={self.folder}/kubelet/pki", f"--hostname-override={self.name}",
            f"--node-ip={self.address}", "-v=2",
        )  # fmt: skip

    def start_agent(self, kubeconfig: Path, **settings: str) -> None:
        """Start Lockgate's agent."""
        given = {
            "source": "kubernetes",
            "kubeconfig": str(kubeconfig),
            "node_name": self.name,
            "cgroup": str(self.cgroup),
            "state_dir": str(self.folder / "lockgate"),
            "envoy_concurrency": "1",
            **settings,
        }
        lockgate = Path(sys.executable).with_name("lockgate")
        environment = {f"LOCKGATE_{name.upper()}": text for name, text in given.items()}
        self.start("agent", lockgate, "agent", "run", environment=environment)

    def destroy(self) -> None:
        """End all processes inside and remove what was made."""
        with contextlib.suppress(OSError, ValueError):
            init = self.init
            os.kill(init, signal.SIGKILL)
            until(lambda: not Path(f"/proc/{init}").exists(), f"{self.name} ends")
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        for controller in CGROUPS.iterdir():
            _remove_cgroup(controller / self.name)
        shutil.rmtree(self.folder, ignore_errors=True)


def until(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.1)


def _child(pid: int, program: Path) -> int | None:
    """Return the descendant of a process that runs a program."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/exe").readlink() == program:
                return int(child)
            found = _child(int(child), program)
            if found is not None:
                return found
    except OSError:
        pass  # it has just ended, or is about to become another program
    return None


def _unified() -> Path:
    return CGROUPS / "unified" if (CGROUPS / "unified").is_dir() else CGROUPS


def _make_cgroups(name: str) -> None:
    """Make a group in each hierarchy, with all processors where that must be said."""
    for controller in CGROUPS.iterdir():
        if controller.is_dir() and not controller.is_symlink():
            made = controller / name
            made.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (made / file).exists():
                    (made / file).write_text((controller / file).read_text())


def _remove_cgroup(path: Path) -> None:
    if not path.is_dir():
        return
    for inner in sorted(path.rglob("*/"), key=lambda one: len(one.parts), reverse=True):
        if inner.is_dir():
            with contextlib.suppress(OSError):
                inner.rmdir()
    with contextlib.suppress(OSError):
        path.rmdir()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
