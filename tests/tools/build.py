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
    tags: str = ""
    cgo: bool = False
    suite: bool = False
    """Whether it is the tests of the package that are built."""


KUBERNETES = "1.37.2"
_VERSION = "k8s.io/component-base/version"
_STAMP = (
    f"-s -w -X {_VERSION}.gitVersion=v{KUBERNETES} -X {_VERSION}.gitMajor=1 "
    f"-X {_VERSION}.gitMinor=37 -X {_VERSION}.gitTreeState=clean"
)
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_NO_SNAPSHOTTERS = "no_btrfs no_devmapper no_zfs no_aufs"
TOOLS = {
    "kube-apiserver": Tool(
        "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", KUBERNETES, _STAMP
    ),
    "etcd": Tool("etcd", "go.etcd.io/etcd/server/v3", "3.6.16"),
    "helm": Tool("helm", "helm.sh/helm/v3/cmd/helm", "3.22.0"),
}
"""What the tests of an API server and of the chart need."""
NODE_TOOLS = {
    **{
        name: Tool("kubernetes", f"k8s.io/kubernetes/cmd/{name}", KUBERNETES, _STAMP)
        for name in ("kubelet", "kube-controller-manager", "kube-scheduler", "kubectl")
    },
    "agnhost": Tool("kubernetes", "k8s.io/kubernetes/test/images/agnhost", KUBERNETES),
    "e2e.test": Tool("kubernetes", "k8s.io/kubernetes/test/e2e", KUBERNETES, _STAMP, suite=True),
    **{
        name: Tool("containerd", f"{_CONTAINERD}/{name}", "2.4.2", tags=_NO_SNAPSHOTTERS)
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    "runc": Tool(
        "runc",
        "github.com/opencontainers/runc",
        "1.5.2",
        "-s -w -extldflags -static -X main.version=1.5.2",
        "seccomp netgo osusergo",
        cgo=True,
    ),
    "loopback": Tool(
        "cni", "github.com/containernetworking/plugins/plugins/main/loopback", "1.9.1"
    ),
    "coredns": Tool("coredns", "github.com/coredns/coredns", "1.15.0"),
}
"""What a real node needs beside them; about a quarter of an hour to build on two processors."""


def cache() -> Path:
    """Return where built programs are kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "lockgate" / "tools"


def built(name: str) -> Path:
    """Return a program, building it if it is not there: some minutes, the first time.

    Raises: RuntimeError: Go is missing, or the build failed.
    """
    tool = {**TOOLS, **NODE_TOOLS}[name]
    binary = cache() / f"{name}-{tool.version}"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        msg = f"{name} is built with Go {GO_VERSION}, which is not installed"
        raise RuntimeError(msg)
    binary.parent.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(".partial")
    verb = ["test", "-c", "-vet=off"] if tool.suite else ["build"]
    command = [go, *verb, "-tags", tool.tags, "-ldflags", tool.flags, "-o", partial, tool.package]
    environment = {
        **os.environ, "CGO_ENABLED": str(int(tool.cgo)), "GOFLAGS": "-buildvcs=false",
    }  # fmt: skip
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
