"""A guided tour of an example: bring a node up, make real requests, show what became of each.

    python examples/tour.py examples/shop [--http-port N] [--https-port N] [--check]

It needs root. With ``--check`` every outcome must be as declared, and nothing may be left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DROPPED = "dropped"
_CONNECT_S = "1.5"
_START_S = 60
_STOP_S = 30


@dataclass(frozen=True)
class Stop:
    """One request of the tour; ``pod`` empty is from outside, through the Ingress."""

    why: str
    pod: str
    url: str
    expected: str
    method: str = "GET"


def stops(http_port: int, https_port: int) -> list[Stop]:
    """Return the tour of the shop."""
    catalogue, orders, payment = "http://10.78.0.11", "http://10.78.0.12", "http://10.78.0.13"
    http, https = f"http://shop.local:{http_port}", f"https://shop.local:{https_port}"
    return [
        Stop("The Ingress brings visitors to web", "", f"{http}/", "200"),
        Stop("and over TLS too", "", f"{https}/", "200"),
        Stop("web reads the books of the catalogue", "", f"{https}/books", "200"),
        Stop("a host nobody declared", "", f"http://127.0.0.1:{http_port}/", "404"),
        Stop("web may GET /books", "web", f"{catalogue}/books", "200"),
        Stop("and one book", "web", f"{catalogue}/books/1", "200"),
        Stop("but not POST there", "web", f"{catalogue}/books", "403", "POST"),
        Stop("nor look at anything else", "web", f"{catalogue}/admin", "403"),
        Stop("web may place an order", "web", f"{orders}/orders", "200", "POST"),
        Stop("but not list them", "web", f"{orders}/orders", "403"),
        Stop("orders may reach payment (L4)", "orders", f"{payment}/charge", "200", "POST"),
        Stop("web may not: the kernel drops it", "web", f"{payment}/charge", DROPPED),
        Stop("nor may orders reach the catalogue", "orders", f"{catalogue}/books", DROPPED),
        Stop("payment starts no connection", "payment", f"{catalogue}/books", DROPPED),
    ]


def main() -> int:
    """Run the tour; return 1 when an outcome is not the declared one or something is left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--https-port", type=int, default=8443)
    parser.add_argument("--check", action="store_true", help="assert every outcome and exit")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("tour: this needs root; use sudo", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lockgate-tour-") as state:
        with node(options, Path(state)) as ready:
            if not ready:
                return 1
            well = walk(stops(options.http_port, options.https_port))
            if not options.check:
                farewell(options)
        left = leftovers()
    for thing in left:
        print(f"left behind: {thing}")
    print("nothing of ours is left" if not left else "the clean-up is not complete")
    return 0 if well and not left else 1


@contextlib.contextmanager
def node(options: argparse.Namespace, state: Path) -> Iterator[bool]:
    """Run ``lockgate up``; yield whether it became ready, and stop it in the end."""
    lockgate = Path(sys.executable).with_name("lockgate")
    command = [
        str(lockgate), "up", str(options.folder), "--state", str(state),
        "--http-port", str(options.http_port), "--https-port", str(options.https_port),
        "--log-level", "warning",
    ]  # fmt: skip
    print("$", " ".join(["lockgate", *command[1:]]), flush=True)
    # A session of its own, so that Ctrl-C reaches the tour alone, which then stops the node.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield wait_ready(process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"tour: lockgate did not stop within {_STOP_S} s", file=sys.stderr)


def wait_ready(process: subprocess.Popen[str]) -> bool:
    """Read until the line ``ready``; give up when the process ends or time is up."""
    watchdog = threading.Timer(_START_S, process.terminate)
    watchdog.start()
    try:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.startswith("ready"):
                return True
    finally:
        watchdog.cancel()
    print("tour: lockgate did not become ready", file=sys.stderr)
    return False


def walk(tour: list[Stop]) -> bool:
    """Make every request; say whether each had its declared outcome."""
    well = True
    for stop in tour:
        outcome, body = request(stop)
        same = outcome == stop.expected
        well = well and same
        source = stop.pod or "outside"
        print(f"\n{stop.why}")
        print(f"  {source:9} {stop.method:4} {stop.url}")
        print(f"  {'✓' if same else '✗ expected ' + stop.expected + ', got'} {outcome}  {body}")
    print(flush=True)
    return well


def request(stop: Stop) -> tuple[str, str]:
    """Make one request with curl; return its status or ``dropped``, and the body's first line."""
    command = [
        "curl", "--silent", "--insecure", "--connect-timeout", _CONNECT_S, "--max-time", "8",
        "--request", stop.method, "--write-out", "\n%{http_code}", stop.url,
    ]  # fmt: skip
    if stop.pod:
        command = ["nsenter", f"--net=/run/netns/lg-shop-{stop.pod}", *command]
    else:
        port = stop.url.split(":")[2].split("/")[0]
        command[1:1] = ["--resolve", f"shop.local:{port}:127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    body, _, code = done.stdout.rpartition("\n")
    timed_out = 28
    if done.returncode == timed_out and code == "000":
        return DROPPED, ""
    return code if done.returncode == 0 else f"curl error {done.returncode}", body.strip()[:160]


def farewell(options: argparse.Namespace) -> None:
    """Say what may be tried, and wait for Ctrl-C."""
    at = f"--resolve shop.local:{options.https_port}:127.0.0.1"
    print(
        f"""The shop stays open until Ctrl-C. In another terminal, as root:
  curl -k {at} https://shop.local:{options.https_port}/books
  nsenter --net=/run/netns/lg-shop-web curl -i http://10.78.0.11/admin
  .venv/bin/lockgate status
  .venv/bin/lockgate endpoint list
  .venv/bin/lockgate observe -f
Edit {options.folder}/policies.yaml: it holds from the next request on.""",
        flush=True,
    )
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    asked.wait()
    print("\nclosing", flush=True)


def leftovers() -> list[str]:
    """Return what of ours is still on this host."""
    left = [f"netns {path.name}" for path in Path("/run/netns").glob("lg-*")]
    left += [f"link {path.name}" for path in Path("/sys/class/net").glob("lg*")]
    pins = Path("/sys/fs/bpf/lockgate")
    left += (
        [f"pin {path}" for path in pins.rglob("*") if not path.is_dir()] if pins.exists() else []
    )
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            program = line.partition(b"\0")[0]
            envoy = program.endswith(b"/envoy") and b"lockgate" in line
            if envoy or b"# Paths that another service answers" in line:
                left.append(f"process {folder.name}: {program.decode()}")
    return left


if __name__ == "__main__":
    sys.exit(main())
