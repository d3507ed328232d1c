"""An Ingress from its creation to its first answer, beside Contour.

Both control planes serve the same class of the same objects of the same API server, one after the
other, each with the same Envoy and one worker. Prints a JSON line for each, and the ratios.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from benchmarks import go_peer
from benchmarks.bench_l7 import BACKEND, ENVOY
from benchmarks.ingress.objects import NAMESPACE, backends, create, host_of, ingress
from benchmarks.ingress.rivals import CONTOUR_VERSION, Client, Running, contour, lockgate
from tests.e2e.ingress.gate import address_of_our_own
from tests.kube.apiserver import ApiServer, running

SIZES = (1, 1_000, 10_000)
"""Ingresses that are present; with none at all Contour has no listener yet."""
SAMPLES = 40
HOSTS = 200
PEER = Path(__file__).parent / "ingress" / "peer"
BACKEND_PORT = 18080
Rival = Callable[[Path, ApiServer], AbstractContextManager[Running]]


def main() -> None:
    """Print the figures."""
    rivals: dict[str, Rival] = {"ours": lockgate}
    binary = go_peer.build(
        PEER,
        f"ingress-peer-contour-{CONTOUR_VERSION}",
        "github.com/projectcontour/contour/cmd/contour",
    )
    if binary is not None:
        rivals["contour"] = lambda folder, api: contour(folder, api, binary)
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lg-bench-")))
        address = stack.enter_context(address_of_our_own())
        stack.enter_context(backend(root))
        api = stack.enter_context(running(root))
        prepare(api)
        present = 0
        for size in SIZES:
            load(api, present, size, address)
            present = size
            found = {
                name: measure(name, rival, root, api, size, address)
                for name, rival in rivals.items()
            }
            if len(found) > 1:
                print(json.dumps(ratios(size, found["ours"], found["contour"])), flush=True)


def prepare(api: ApiServer) -> None:
    """Create the namespace, and the kinds that Contour watches."""
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    go = shutil.which("go")
    if go is None:
        return
    where = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", "github.com/projectcontour/contour"],
        cwd=PEER, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    text = Path(where, "examples", "contour", "01-crds.yaml").read_text()
    api.create(*(document for document in yaml.safe_load_all(text) if document))


@contextlib.contextmanager
def backend(root: Path) -> Iterator[None]:
    """Run a server that is faster than what is measured."""
    path = root / "backend.yaml"
    path.write_text(BACKEND.replace("port_value: 80", f"port_value: {BACKEND_PORT}"))
    words = [ENVOY, "-c", str(path), "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    process = subprocess.Popen([*words, "--base-id", "77"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def load(api: ApiServer, present: int, size: int, address: str) -> None:
    """Have so many Ingresses, each with its Service and endpoint."""
    numbers = range(present, size)
    create(api, (one for number in numbers for one in backends(number, address, BACKEND_PORT)))
    create(api, (ingress(number) for number in numbers))


def measure(
    name: str, rival: Rival, root: Path, api: ApiServer, size: int, address: str
) -> dict[str, Any]:
    """Measure one control plane with the objects that are there."""
    folder = root / f"{name}-{size}"
    folder.mkdir()
    begun = time.perf_counter()
    with rival(folder, api) as server:
        client = Client(server.port)
        for number in range(0, size, max(1, size // HOSTS)):
            client.wait(host_of(number))
        started = time.perf_counter() - begun
        settle(server)
        start_cpu, memory = server.cpu_s(), server.memory_mib()
        times = [created(api, client, number, address) for number in extra(name, size)]
        settle(server)
        figures = {
            "server": name,
            "ingresses": size,
            "start_s": round(started, 2),
            "start_cpu_s": round(start_cpu, 2),
            "memory_mib": memory,
            "create_p50_ms": round(statistics.median(times), 2),
            "create_p99_ms": round(sorted(times)[int(len(times) * 0.99)], 2),
            "cpu_of_a_change_ms": round((server.cpu_s() - start_cpu) / SAMPLES / 2 * 1e3, 2),
            **load_test(server.port),
        }
        client.close()
    print(json.dumps({"benchmark": "ingress", **figures}), flush=True)
    return figures


def extra(name: str, size: int) -> range:
    """Return numbers that no other measurement has used."""
    first = 10**6 + size * 1000 + (500 if name == "ours" else 0)
    return range(first, first + SAMPLES)


def created(api: ApiServer, client: Client, number: int, address: str) -> float:
    """Create an Ingress whose Service is there; return the milliseconds until it is served."""
    documents = backends(number, address, BACKEND_PORT)
    api.create(*documents)
    time.sleep(0.05)
    begun = time.perf_counter()
    api.create(ingress(number))
    client.wait(host_of(number))
    took = (time.perf_counter() - begun) * 1e3
    for document in (ingress(number), *documents):
        api.delete(document)
    time.sleep(0.05)
    return took


def settle(server: Running) -> None:
    """Wait until the control plane has been idle for a second, or nearly."""
    for _ in range(60):
        before = server.cpu_s()
        time.sleep(1)
        if server.cpu_s() - before < 0.05:
            return


def load_test(port: int) -> dict[str, float]:
    """Return requests per second and the 99th percentile through Envoy."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return {}
    words = [wrk, "-t1", "-c32", "-d6s", "--latency", "-H", f"Host: {host_of(0)}"]
    text = subprocess.run(
        [*words, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    if rate is None or tail is None:
        print(text, file=sys.stderr)
        return {}
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail[2]]
    return {"requests_per_s": float(rate[1]), "p99_ms": round(float(tail[1]) * unit, 2)}


def ratios(size: int, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return ours over theirs, figure by figure."""
    names = [name for name in ours if name not in ("server", "ingresses") and name in theirs]
    over = {name: round(ours[name] / theirs[name], 4) for name in names if theirs[name]}
    return {
        "benchmark": "ingress ours over contour",
        "peer": CONTOUR_VERSION,
        "ingresses": size,
        **over,
    }


if __name__ == "__main__":
    main()
