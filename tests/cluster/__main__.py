"""A real cluster on this host.

python -m tests.cluster up | down | kubectl … | in N … | suite REGEX | e2e [SUITE …]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.tools.build import cache

FOLDER = cache().parent / "cluster"
SUITES = {
    "conformance": r"\[sig-network\].*\[Conformance\]",
    "policy": r"\[sig-network\] Netpol",
    "services": r"\[sig-network\] Services",
}
SKIPPED = {
    "policy": "SCTP",
}


def main(words: list[str]) -> int:
    """Do what the first word says."""
    cluster = Cluster(FOLDER)
    match words:
        case ["up"]:
            if FOLDER.exists():
                print(f"{FOLDER} is there: a cluster is up, or was not taken down", file=sys.stderr)
                return 1
            cluster.up()
        case ["down"]:
            cluster.down()
            shutil.rmtree(FOLDER, ignore_errors=True)
        case ["kubectl", *rest]:
            sys.stdout.write(cluster.kubectl(*rest))
        case ["in", number, *rest]:
            node = cluster.nodes[int(number) - 1]
            return subprocess.run(node.command(*rest), check=False).returncode
        case ["suite", focus, *flags]:
            return cluster.suite(focus, *flags)
        case ["e2e", *names]:
            return end_to_end(cluster, names or [*SUITES, "ours"])
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def end_to_end(cluster: Cluster, names: list[str]) -> int:
    """Run suites on a cluster of their own; return how many failed."""
    if FOLDER.exists():
        print(f"{FOLDER} is there: take that cluster down first", file=sys.stderr)
        return 1
    try:
        cluster.up()
        results = {name: run(cluster, name) for name in names}
    finally:
        cluster.down()
        shutil.rmtree(FOLDER, ignore_errors=True)
    for name, code in results.items():
        print(f"{'failed' if code else 'passed'}  {name}")
    return sum(map(bool, results.values()))


def run(cluster: Cluster, name: str) -> int:
    """Run one suite of Kubernetes, or ours; return its exit code."""
    if name == "ours":
        tests = str(Path(__file__).parent)
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "--override-ini=addopts=--import-mode=importlib",
                tests,
            ],
            check=False,
        ).returncode
    skip = [f"--ginkgo.skip={SKIPPED[name]}"] if name in SKIPPED else []
    return cluster.suite(SUITES[name], *skip)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
