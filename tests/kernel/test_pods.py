"""Pods as real processes in real namespaces, attached by the real plugin over a real socket."""

import asyncio
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from agent import cni_plugin
from agent.cni import CniServer
from agent.ipam import Ipam
from agent.network import (
    PodNetwork,
    container_id,
    create_netns,
    host_interface,
    netns_name,
    netns_path,
    processes_in,
    remove_netns,
)
from agent.pods import PodRunner, PodStatus
from bpf.veth import find_link
from lockgate.model.workload import Container, ContainerPort, Pod, Probe

pytestmark = pytest.mark.kernel

NAMESPACE = f"lg{os.getpid()}"
SERVER = (
    "import http.server,os;"
    "print('serving', os.environ['POD_IP'], os.environ['COLOUR'], flush=True);"
    "http.server.HTTPServer(('', 80), http.server.SimpleHTTPRequestHandler).serve_forever()"
)


class Agent:
    """A CniServer behind a Unix socket, as the agent's REST server puts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "agent.sock"
        self.events: list[tuple[Any, ...]] = []
        self.ipam = Ipam(["10.76.214.0/28", "fd76:214::/64"])
        server = CniServer(
            lambda: self.ipam,
            PodNetwork(),
            lambda *what: self.events.append(("added", *what)),
            lambda *what: self.events.append(("removed", *what)),
        )

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, reply = server.handle(self.path.rpartition("/")[2], body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(reply).encode())

            def log_message(self, *_: object) -> None:
                pass

            def address_string(self) -> str:
                return "plugin"

        self._server = socketserver.ThreadingUnixStreamServer(str(self.socket), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def config(self) -> dict[str, Any]:
        return {
            "cniVersion": "1.1.0",
            "name": "lg-test",
            "type": "lockgate-cni",
            "agentSocket": str(self.socket),
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def runner(self) -> PodRunner:
        return PodRunner(self.folder / "state", self.folder / "run", self.config, lambda _: None)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    agent.close()


def plugin(
    config: dict[str, Any] | str, command: str, **environment: str
) -> tuple[int, dict[str, Any]]:
    variables = {f"CNI_{name}": value for name, value in environment.items()}
    done = subprocess.run(
        [sys.executable, "-I", "-S", cni_plugin.__file__],
        input=config if isinstance(config, str) else json.dumps(config),
        env={"CNI_COMMAND": command, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout or "{}")


@pytest.fixture
def attachment() -> Iterator[dict[str, str]]:
    name = f"lg-{NAMESPACE}-cni"
    path = create_netns(name)
    yield {
        "CONTAINERID": name,
        "NETNS": str(path),
        "IFNAME": "eth0",
        "ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={NAMESPACE};K8S_POD_NAME=cni",
    }
    PodNetwork().detach(name)
    remove_netns(name)


def test_a_runtime_adds_checks_and_deletes(agent: Agent, attachment: dict[str, str]) -> None:
    device = host_interface(attachment["CONTAINERID"])
    status, result = plugin(agent.config, "ADD", **attachment)
    assert status == 0, result
    assert result["ips"] == [
        {"address": "10.76.214.2/32", "gateway": "169.254.1.1", "interface": 1},
        {"address": "fd76:214::2/128", "gateway": "fe80::1", "interface": 1},
    ]
    assert result["routes"] == [
        {"dst": "0.0.0.0/0", "gw": "169.254.1.1"},
        {"dst": "::/0", "gw": "fe80::1"},
    ]
    assert result["interfaces"][1]["sandbox"] == attachment["NETNS"]
    assert plugin(agent.config, "ADD", **attachment) == (0, result)
    checked = {**agent.config, "prevResult": result}
    assert plugin(checked, "CHECK", **attachment) == (0, {})

    ip = ["ip", "-n", attachment["CONTAINERID"]]
    subprocess.run([*ip, "route", "del", "default"], check=True)
    status, error = plugin(checked, "CHECK", **attachment)
    assert status == 1
    assert "no default route" in error["details"]
    assert plugin(agent.config, "ADD", **attachment) == (0, result)
    assert plugin(checked, "CHECK", **attachment) == (0, {})

    assert plugin(agent.config, "DEL", **attachment) == (0, {})
    assert find_link(device) is None
    assert plugin(agent.config, "DEL", **attachment) == (0, {})
    endpoint, addresses = f"{NAMESPACE}/cni", ("10.76.214.2", "fd76:214::2")
    assert agent.events[0] == ("added", endpoint, device, addresses)
    assert agent.events[-1] == ("removed", endpoint, device, addresses)
    assert plugin(checked, "CHECK", **attachment)[1]["code"] == 3
    assert agent.ipam.state() == {}


def test_gc_removes_what_is_not_valid(agent: Agent, attachment: dict[str, str]) -> None:
    container = attachment["CONTAINERID"]
    assert plugin(agent.config, "ADD", **attachment)[0] == 0
    valid = [{"containerID": container, "ifname": "eth0"}]
    assert plugin({**agent.config, "cni.dev/valid-attachments": valid}, "GC") == (0, {})
    assert find_link(host_interface(container)) is not None
    assert plugin(agent.config, "GC")[1]["code"] == 7
    assert find_link(host_interface(container)) is not None
    assert plugin({**agent.config, "cni.dev/valid-attachments": []}, "GC") == (0, {})
    assert find_link(host_interface(container)) is None
    assert agent.events[-1][0] == "removed"


def test_add_that_fails_leaves_nothing(agent: Agent) -> None:
    where = {"CONTAINERID": "lg-none", "NETNS": "/run/netns/lg-none", "IFNAME": "eth0"}
    status, error = plugin(agent.config, "ADD", **where)
    assert (status, error["code"]) == (1, 100)
    assert "lg-none" in error["msg"]
    assert agent.ipam.state() == {}


def test_version_and_status(agent: Agent) -> None:
    versions = ["0.4.0", "1.0.0", "1.1.0"]
    answer = {"cniVersion": "1.1.0", "supportedVersions": versions}
    assert plugin({"cniVersion": "1.1.0"}, "VERSION") == (0, answer)
    assert plugin(agent.config, "STATUS") == (0, {})
    gone = {**agent.config, "agentSocket": str(agent.folder / "gone.sock")}
    assert plugin(gone, "STATUS")[1]["code"] == 50
    assert plugin(gone, "DEL", CONTAINERID="lg-x", IFNAME="eth0")[1]["code"] == 11


def test_wrong_calls_are_refused_with_their_codes(agent: Agent) -> None:
    assert plugin("{", "ADD")[1]["code"] == 6
    assert plugin({**agent.config, "cniVersion": "9.9.9"}, "ADD")[1]["code"] == 1
    assert plugin({**agent.config, "cniVersion": "1.0.0"}, "GC")[1]["code"] == 1
    status, error = plugin(agent.config, "ADD", CONTAINERID="lg-x")
    assert (status, error["code"]) == (1, 4)
    assert "CNI_NETNS" in error["msg"]


def pod(name: str, *, colour: str = "green", restart: str = "Always", code: str = SERVER) -> Pod:
    container = Container(
        name="main",
        command=(sys.executable, "-I", "-c"),
        args=(code,),
        env=(("COLOUR", colour),),
        ports=(ContainerPort("http", 80),),
        readiness=Probe("http", http_path="/etc/hosts", period_s=0.1) if code is SERVER else None,
    )
    return Pod(NAMESPACE, name, containers=(container,), restart_policy=restart)


async def until(
    runner: PodRunner, name: str, wanted: Callable[[PodStatus], bool], seconds: float = 20
) -> PodStatus:
    path = f"{NAMESPACE}/{name}"
    try:
        async with asyncio.timeout(seconds):
            while True:
                status = runner.statuses.get(path)
                if status is not None and wanted(status):
                    return status
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"{path} stays {runner.statuses.get(path)}")


def pid_of(agent: Agent, name: str) -> int:
    record = agent.folder / "state/pods" / f"{NAMESPACE}_{name}" / "state.json"
    process = json.loads(record.read_text())["pod"]["containers"]["main"]["process"]
    return int(process["pid"])


async def fetch(address: str, path: str) -> str:
    reader, writer = await asyncio.open_connection(address, 80)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return text


def running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def nothing_left(name: str) -> bool:
    path = netns_path(netns_name(NAMESPACE, name))
    link = find_link(host_interface(container_id(NAMESPACE, name)))
    return not path.exists() and link is None and not processes_in(path)


def test_a_pod_serves_sees_services_and_leaves_nothing(agent: Agent) -> None:
    async def scenario() -> None:
        runner = agent.runner()
        runner.set_hosts({(NAMESPACE, "books"): ("10.78.0.9",), ("other", "tea"): ("10.78.0.8",)})
        try:
            await runner.sync([pod("web")], [])
            status = await until(runner, "web", lambda row: row.ready)
            hosts = await fetch(status.address, "/etc/hosts")
            for address in status.addresses:
                assert f"{address} web\n" in hosts
            names = f"books.{NAMESPACE}.svc.cluster.local books.{NAMESPACE}.svc books.{NAMESPACE}"
            assert f"10.78.0.9 {names} books\n" in hosts
            assert "10.78.0.8 tea.other.svc.cluster.local tea.other.svc tea.other\n" in hosts
            runner.set_hosts({(NAMESPACE, "books"): ("10.78.0.10",)})
            changed = await fetch(status.address, "/etc/hosts")
            assert "10.78.0.10 books" in changed
            assert "tea" not in changed
            log = agent.folder / "state/pods" / f"{NAMESPACE}_web" / "main.log"
            assert f"serving {status.address} green" in log.read_text()
            pid = pid_of(agent, "web")
            await runner.sync([], [f"{NAMESPACE}/web"])
            assert not running(pid)
            assert await asyncio.to_thread(nothing_left, "web")
            assert runner.statuses == {}
        finally:
            await runner.stop_all()

    asyncio.run(scenario())
    assert "10.78.0.10" not in Path("/etc/hosts").read_text()


def test_a_killed_process_is_started_again_at_its_address(agent: Agent) -> None:
    async def scenario() -> None:
        runner = agent.runner()
        try:
            await runner.sync([pod("web")], [])
            before = await until(runner, "web", lambda row: row.ready)
            os.kill(pid_of(agent, "web"), signal.SIGKILL)
            waiting = await until(runner, "web", lambda row: not row.ready)
            assert waiting.reason == "CrashLoopBackOff"
            after = await until(runner, "web", lambda row: row.ready)
            assert (after.restarts, after.address) == (1, before.address)
        finally:
            await runner.stop_all()
        assert await asyncio.to_thread(nothing_left, "web")

    asyncio.run(scenario())


def test_only_the_changed_pod_is_restarted(agent: Agent) -> None:
    async def scenario() -> None:
        runner = agent.runner()
        try:
            await runner.sync([pod("web"), pod("api")], [])
            for name in ("web", "api"):
                await until(runner, name, lambda row: row.ready)
            before = pid_of(agent, "web"), pid_of(agent, "api")
            await runner.sync([pod("web", colour="blue"), pod("api")], [])
            await until(runner, "web", lambda row: row.ready)
            assert pid_of(agent, "web") != before[0]
            assert pid_of(agent, "api") == before[1]
        finally:
            await runner.stop_all()

    asyncio.run(scenario())


@pytest.mark.parametrize(("code", "phase"), [("0", "Succeeded"), ("3", "Failed")])
def test_a_pod_that_ends_is_not_restarted_if_never(agent: Agent, code: str, phase: str) -> None:
    async def scenario() -> None:
        runner = agent.runner()
        try:
            await runner.sync([pod("job", restart="Never", code=f"raise SystemExit({code})")], [])
            status = await until(runner, "job", lambda row: row.phase == phase)
            assert (status.ready, status.restarts) == (False, 0)
        finally:
            await runner.stop_all()

    asyncio.run(scenario())


AGENT = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from agent.pods import PodRunner
from lockgate.model.workload import Container, ContainerPort, Pod, Probe
namespace, name, folder, config = sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5]
container = Container("main", (sys.executable, "-I", "-c"), (sys.argv[6],),
    (("COLOUR", "green"),), ports=(ContainerPort("http", 80),),
    readiness=Probe("http", http_path="/etc/hosts", period_s=0.1))
async def run():
    def note(status):
        if status.ready:
            print("ready", flush=True)
    runner = PodRunner(folder / "state", folder / "run", json.loads(config), note)
    await runner.sync([Pod(namespace, name, containers=(container,))], [])
    await asyncio.sleep(3600)
asyncio.run(run())
"""


def test_a_pod_outlives_a_killed_agent_and_is_adopted(agent: Agent) -> None:
    root = str(Path(cni_plugin.__file__).parents[1])
    arguments = [root, NAMESPACE, "web", str(agent.folder), json.dumps(agent.config), SERVER]
    with subprocess.Popen(
        [sys.executable, "-c", AGENT, *arguments], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        first.kill()
    pid = pid_of(agent, "web")
    assert running(pid)

    async def scenario() -> None:
        runner = agent.runner()
        try:
            await runner.adopt()
            adopted = runner.statuses[f"{NAMESPACE}/web"]
            assert (adopted.phase, adopted.ready) == ("Running", True)
            await runner.sync([pod("web")], [])
            assert (await fetch(adopted.address, "/etc/hosts")).startswith("HTTP/1.0 200")
            assert pid_of(agent, "web") == pid
            os.kill(pid, signal.SIGKILL)
            await until(runner, "web", lambda row: not row.ready)
            after = await until(runner, "web", lambda row: row.ready)
            assert (after.restarts, after.address) == (1, adopted.address)
        finally:
            await runner.stop_all()
        assert await asyncio.to_thread(nothing_left, "web")

    asyncio.run(scenario())


def test_a_runner_may_leave_pods_to_the_next(agent: Agent) -> None:
    async def scenario() -> None:
        first, second = agent.runner(), agent.runner()
        try:
            await first.sync([pod("web")], [])
            await until(first, "web", lambda row: row.ready)
            pid = pid_of(agent, "web")
            await first.leave()
            await second.adopt()
            assert running(pid)
        finally:
            await second.stop_all()
        assert not running(pid)
        assert await asyncio.to_thread(nothing_left, "web")

    asyncio.run(scenario())


def test_the_plugin_needs_no_more_than_it_says() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import cni_plugin; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(Path(cni_plugin.__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"asyncio", "http", "urllib", "typing"} & set(done.stdout.split())
