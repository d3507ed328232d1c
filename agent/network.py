"""Networks of pods on this host: named network namespaces and the link into each."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bpf import veth
from bpf.datapath import Options
from bpf.host import ipv6_fault
from lockgate.errors import WorkloadError
from lockgate.settings import Settings

NETNS_DIR: Final = Path("/run/netns")
"""Where iproute2 keeps named namespaces."""
_LINK_PREFIX: Final = "lg"
_DIGEST_LENGTH: Final = 8
_LONGEST_NAME: Final = 200


def datapath_options(settings: Settings) -> Options:
    """Return what the settings say to the kernel's programs."""
    return Options(
        devices=settings.devices,
        masquerade=settings.masquerade,
        unmasked=(*settings.unmasked_prefixes, *settings.cluster_cidrs),
        socket_lb_host_only=settings.socket_lb_host_only,
        nat_ports=(settings.nat_port_first, settings.nat_port_last),
    )


def usable_prefixes(prefixes: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return the prefixes that pods here can have addresses of, and why not of the others."""
    fault = ipv6_fault() if any(":" in prefix for prefix in prefixes) else ""
    return tuple(one for one in prefixes if "." in one or not fault), fault


def netns_name(namespace: str, pod: str) -> str:
    """Return the name of a pod's network namespace.

    A hash is added where the name would be too long for a file, or ambiguous: ``a-b``/``c`` and
    ``a``/``b-c`` must not share one.
    """
    name = f"lg-{namespace}-{pod}"
    if "-" not in namespace and len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - _DIGEST_LENGTH - 1]}-{_digest(f'{namespace}/{pod}')}"


def container_id(namespace: str, pod: str) -> str:
    """Return the container id under which a pod run by the agent is known to the CNI plugin."""
    return f"{namespace}_{pod}"


def host_interface(container: str) -> str:
    """Return the host's device of a container, named by id or as ``namespace/pod`` if run here."""
    return _LINK_PREFIX + _digest(container.replace("/", "_"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def netns_path(name: str) -> Path:
    """Return the path of a named network namespace."""
    return NETNS_DIR / name


def create_netns(name: str) -> Path:
    """Make a named network namespace unless it is there; return its path.

    Raises: WorkloadError: it cannot be made.
    """
    path = netns_path(name)
    if not path.exists():
        _ip("netns", "add", name)
    elif path.stat().st_dev == NETNS_DIR.stat().st_dev:
        # A file that nothing is mounted on, left by a crash or by a boot since.
        path.unlink()
        _ip("netns", "add", name)
    return path


def remove_netns(name: str) -> bool:
    """Remove a named network namespace; return whether there was one.

    Raises: WorkloadError: it cannot be removed.
    """
    if not netns_path(name).exists():
        return False
    _ip("netns", "delete", name)
    return True


def processes_in(path: Path) -> list[int]:
    """Return the ids of the processes whose network namespace is the one at ``path``."""
    try:
        wanted = path.stat()
    except OSError:
        return []
    if os.path.samestat(wanted, Path("/proc/self/ns/net").stat()):
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.path.samestat(wanted, (entry / "ns/net").stat()):
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    return sorted(found)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkloadError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container's link: the host's device and the one in its namespace."""

    host: veth.Link
    peer: veth.Peer


@dataclass(frozen=True, slots=True)
class Attached:
    """What the host's device says of the attachment it belongs to."""

    interface: str
    container: str
    ifname: str
    endpoint: str


class PodNetwork:
    """Makes, checks and removes links; what belongs to whom is read from the devices' aliases."""

    def attach(
        self, container: str, netns: str, ifname: str, addresses: Sequence[str], endpoint: str
    ) -> Attachment:
        """Connect a namespace; doing it again changes nothing.

        Raises: WorkloadError: the kernel refuses.
        """
        name = host_interface(container)
        peer = veth.connect(name, netns, ifname, addresses, f"{container} {ifname} {endpoint}")
        host = veth.find_link(name)
        if host is None:
            raise WorkloadError(f"device {name} vanished as soon as it was made")
        return Attachment(host, peer)

    def check(self, container: str, netns: str, ifname: str, addresses: Sequence[str]) -> str:
        """Return what is wrong with a container's link, empty if nothing is.

        Raises: WorkloadError: the namespace cannot be entered.
        """
        name = host_interface(container)
        if veth.find_link(name) is None:
            return f"the host's device {name} is gone"
        peer = veth.inspect_peer(netns, ifname)
        if peer is None:
            return f"{ifname} is gone from {netns}"
        if set(peer.addresses) != set(addresses):
            held = ", ".join(peer.addresses) or "no address"
            return f"{ifname} has {held}, not {', '.join(addresses)}"
        for gateway in map(veth.gateway_of, addresses):
            if gateway not in peer.gateways:
                return f"{ifname} has no default route by {gateway}"
        return ""

    def detach(self, container: str) -> bool:
        """Remove a container's link; return whether there was one.

        Raises: WorkloadError: the kernel refuses.
        """
        return veth.remove_link(host_interface(container))

    def attached(self) -> list[Attached]:
        """Return every attachment of ours on this host, sorted by device."""
        found = []
        for link in veth.list_links(_LINK_PREFIX):
            parts = link.alias.split(" ")
            if len(parts) == 3 and host_interface(parts[0]) == link.name:
                found.append(Attached(link.name, *parts))
        return found
