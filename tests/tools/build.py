"""Builds the control plane that tests run against, once, outside the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
GO_VERSION = "1.26"


@dataclass(frozen=True)
class Tool:
    """A Go program: the folder of its module here, its package, and what its name is in the cache."""

    module: str
    package: str
    version: str
    flags: str = "-s -w"


_VERSION = "k8s.io/component-base/version"
TOOLS = {
    "kube-apiserver": Tool(
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "1.37.2",
        f"-s -w -X {_VERSION}.gitVersion=v1.37.2 -X {_VERSION}.gitMajor=1 "
        f"-X {_VERSION}.gitMinor=37 -X {_VERSION}.gitTreeState=clean",
    ),
    "etcd": Tool("etcd", "go.etcd.io/etcd/server/v3", "3.6.16"),
}


def cache() -> Path:
    """Return where built programs are kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "lockgate" / "tools"


def built(name: str) -> Path:
    """Return a program, building it if it is not there: some minutes, the first time.

    Raises: RuntimeError: Go is missing, or the build failed.
    """
    tool = TOOLS[name]
    binary = cache() / f"{name}-{tool.version}"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        msg = f"{name} is built with Go {GO_VERSION}, which is not installed"
        raise RuntimeError(msg)
    binary.parent.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(".partial")
    command = [go, "build", "-ldflags", tool.flags, "-o", partial, tool.package]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(  # Go, of this host
        command,
        cwd=HERE / tool.module,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        msg = f"{name} could not be built: {done.stderr[-2000:]}"
        raise RuntimeError(msg)
    partial.rename(binary)
    return binary


if __name__ == "__main__":
    for one in TOOLS:
        print(built(one))
