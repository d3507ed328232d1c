"""``python -m tests.cluster up|down|kubectl …|in N …|suite REGEX``: a real cluster on this host."""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.cluster.cluster import Cluster
from tests.tools.build import cache

FOLDER = cache().parent / "cluster"


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
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
