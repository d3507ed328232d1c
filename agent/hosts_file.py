"""The hosts files by which pods find Services."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

ServiceAddresses = Mapping[tuple[str, str], tuple[str, ...]]
"""ClusterIPs by (namespace, name)."""

CLUSTER_DOMAIN = "cluster.local"


def hosts_text(services: ServiceAddresses, namespace: str = "", own: Iterable[str] = ()) -> str:
    """Return a hosts file; Services of ``namespace`` also have their short name.

    ``own`` are the lines of the pod itself: each of its addresses and its name.
    """
    lines = ["127.0.0.1 localhost", "::1 localhost", *own]
    for (service_namespace, name), addresses in sorted(services.items()):
        scoped = f"{name}.{service_namespace}"
        names = [f"{scoped}.svc.{CLUSTER_DOMAIN}", f"{scoped}.svc", scoped]
        if service_namespace == namespace:
            names.append(name)
        lines += [f"{address} {' '.join(names)}" for address in addresses]
    return "\n".join(lines) + "\n"


def write_in_place(path: Path, text: str) -> None:
    """Write a file without replacing it, for it is mounted elsewhere by its inode."""
    body = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.pread(descriptor, len(body) + 1, 0) != body:
            os.pwrite(descriptor, body, 0)
            os.ftruncate(descriptor, len(body))
    finally:
        os.close(descriptor)
