"""Helm, which does the installing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lockgate.errors import LockgateError

RELEASE = "lockgate"
_NEEDED = "3.14"


class HelmFailed(LockgateError):
    """Helm is missing, or did not do what was asked."""


@dataclass(frozen=True)
class Helm:
    """Helm for one cluster and namespace."""

    binary: Path
    namespace: str
    kubeconfig: str = ""
    context: str = ""

    def run(self, verb: str, *words: str) -> str:
        """Run Helm and return what it printed.

        Raises: HelmFailed: with Helm's own words.
        """
        command = [str(self.binary), verb, *words, "--namespace", self.namespace]
        if self.kubeconfig:
            command += ["--kubeconfig", self.kubeconfig]
        if self.context:
            command += ["--kube-context", self.context]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HelmFailed(f"helm {verb}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def find_helm(named: Path | None) -> Path:
    """Return Helm's binary.

    Raises: HelmFailed: there is none, with how to get it.
    """
    found = named if named is not None else shutil.which("helm")
    if found is None or not Path(found).exists():
        where = f"{named} is not there" if named is not None else "helm is not on PATH"
        raise HelmFailed(
            f"{where}; Helm {_NEEDED} or later does the installing: get it from "
            "https://helm.sh/docs/intro/install, or name it with --helm"
        )
    return Path(found)


def chart() -> Path:
    """Return the chart that belongs to this version.

    Raises: HelmFailed: it was not shipped.
    """
    packaged = Path(str(files("lockgate"))) / "chart"
    checkout = Path(str(files("lockgate"))).parent / "charts" / "lockgate"
    for folder in (packaged, checkout):
        if (folder / "Chart.yaml").exists():
            return folder
    raise HelmFailed("the chart is not part of this installation; install the wheel or a checkout")


def value_words(settings: Sequence[str], values: Sequence[Path]) -> list[str]:
    """Return Helm's words for values that were given."""
    words = [word for path in values for word in ("--values", str(path))]
    return words + [word for one in settings for word in ("--set", one)]
