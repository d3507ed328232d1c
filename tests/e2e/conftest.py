"""An agent of the test's own, from the installed command, over a copy of the example shop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import world_outside

SHOP = Path(__file__).parents[2] / "examples" / "shop"
LOCKGATE = Path(sys.executable).with_name("lockgate")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shop:
    """A folder of manifests and the agent that serves it."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "shop"
        shutil.copytree(SHOP, self.folder)
        self.run_dir, self.state = root / "run", root / "state"
        self.port = free_port()
        self.agent: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LOCKGATE_RUN_DIR": str(self.run_dir)}

    def start(self) -> None:
        flags = ["--http-port", str(self.port), "--https-port", str(free_port())]
        with (self.folder.parent / "agent.log").open("a") as log:
            self.agent = subprocess.Popen(
                [LOCKGATE, "up", self.folder, "--state", self.state, *flags],
                stdout=subprocess.PIPE,
                cwd="/",
                stderr=log,
                text=True,
                env=self.environment,
            )
        assert self.agent.stdout is not None
        line = self.agent.stdout.readline()
        log_text = (self.folder.parent / "agent.log").read_text()
        assert line.startswith("ready"), log_text

    def kill(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.communicate()

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.agent is not None
        self.agent.send_signal(number)
        self.agent.communicate(timeout=30)
        return self.agent.returncode

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LOCKGATE, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            timeout=30,
        )

    def get(self, path: str) -> int:
        """Return the status of a request through the Ingress."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Host": "shop.local"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def from_web(self, method: str, url: str) -> str:
        """Return the status of a request by the pod web, 000 if there was no answer."""
        command = ["nsenter", "--net=/run/netns/lg-shop-web", "curl", "-s", "-o", "/dev/null"]
        options = ["-w", "%{http_code}", "-m", "3", "-X", method, url]
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False
        ).stdout

    def wait_from_web(self, method: str, url: str, status: str) -> None:
        """Wait until a request has an outcome; what it is instead is shown."""
        deadline = time.monotonic() + 10
        while (got := self.from_web(method, url)) != status:
            assert time.monotonic() < deadline, f"{method} {url}: {got}, not {status}"
            time.sleep(0.05)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.start()
    try:
        yield made
    finally:
        if made.agent is not None and made.agent.poll() is not None and made.agent.returncode:
            # A killed agent leaves all in force; the next one removes it.
            made.start()
        made.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[None]:
    with world_outside(tmp_path):
        yield
