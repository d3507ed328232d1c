"""A veth pair between this host and a network namespace, routed by address without a bridge.

pyroute2 runs an event loop of its own: call these from a thread that runs none.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bpf.host import set_sysctl
from lockgate.errors import WorkloadError

GATEWAY: Final = "169.254.1.1"
"""Link-local next hop of every pod; nobody owns it, a permanent neighbour entry answers."""
GATEWAY6: Final = "fe80::1"
"""The same for IPv6."""

_CLONE_NEWNET: Final = 0x40000000
_NUD_PERMANENT: Final = 0x80
_SCOPE_LINK: Final = 253
_IFA_F_NODAD: Final = 2
_RTNH_F_ONLINK: Final = 4
_ENODEV: Final = 19
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """A network device; ``mac`` in colon notation, ``alias`` is free text of its maker."""

    name: str
    index: int
    mac: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """The namespace's end of a pair."""

    link: Link
    addresses: tuple[str, ...]
    """Those of the link alone not."""
    gateways: tuple[str, ...]
    """Next hops of the default routes over it."""


def gateway_of(address: str) -> str:
    """Return the next hop of pods in the IP family of an address."""
    return GATEWAY6 if ":" in address else GATEWAY


def in_netns(path: str, work: Callable[[], T]) -> T:
    """Run ``work`` with the network namespace at ``path``, in a thread that ends with it.

    A thread has its own namespace and may be thrown away; a fork of a process that serves gRPC
    may not be made.

    Raises: WorkloadError: the namespace cannot be entered; whatever ``work`` raises.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            _enter(path)
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="netns")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _enter(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise WorkloadError(f"network namespace {path}: {error.strerror}") from error
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            reason = os.strerror(ctypes.get_errno())
            raise WorkloadError(f"network namespace {path} cannot be entered: {reason}")
    finally:
        os.close(descriptor)


def find_link(name: str) -> Link | None:
    """Return a device of this host, or None."""
    with IPRoute() as netlink:
        return _find(netlink, name)


def list_links(prefix: str) -> list[Link]:
    """Return this host's devices whose name begins so, sorted by name."""
    with IPRoute() as netlink:
        links = [_link(message) for message in netlink.get_links()]
    return sorted((link for link in links if link.name.startswith(prefix)), key=lambda it: it.name)


def remove_link(name: str) -> bool:
    """Remove a device, and with it its peer; return whether there was one."""
    with IPRoute() as netlink:
        found = _find(netlink, name)
        if found is None:
            return False
        try:
            netlink.link("del", index=found.index)
        except NetlinkError as error:
            # The other end went first: its namespace is being torn down.
            if error.code != _ENODEV:
                raise WorkloadError(f"device {name} cannot be removed: {error}") from error
            return False
        return True


def connect(
    host_name: str, netns: str, peer_name: str, addresses: Sequence[str], alias: str
) -> Peer:
    """Make a pair or complete one, with addresses and routes; doing it again changes nothing.

    Args:
        host_name: the device on this host; one whose peer is elsewhere is replaced.
        netns: path of the namespace.
        peer_name: the device in the namespace.
        addresses: the peer's, at most one of each IP family, alone on their link.
        alias: text kept on the host's device.

    Raises: WorkloadError or BpfError: the kernel refuses.
    """
    try:
        with IPRoute() as netlink:
            peer = inspect_peer(netns, peer_name)
            host = _find(netlink, host_name)
            if host is None or peer is None:
                host = _make_pair(netlink, host_name, netns, peer_name)
            _prepare_ipv6(host_name, addresses)
            netlink.link("set", index=host.index, state="up", ifalias=alias)
            in_netns(netns, lambda: _configure_peer(peer_name, addresses, host.mac))
            made = inspect_peer(netns, peer_name)
            if made is None:
                raise WorkloadError(f"device {peer_name} vanished from {netns}")
            _route_to_peer(netlink, host, addresses, made.link.mac)
    except NetlinkError as error:
        raise WorkloadError(f"veth {host_name} into {netns}: {error}") from error
    return made


def inspect_peer(netns: str, name: str) -> Peer | None:
    """Return what a device in a namespace has, or None if it is not there.

    Raises: WorkloadError: the namespace cannot be entered.
    """

    def inspect() -> Peer | None:
        with IPRoute() as netlink:
            found = _find(netlink, name)
            if found is None:
                return None
            gateways = (
                message.get_attr("RTA_GATEWAY")
                for message in netlink.get_default_routes()
                if message.get_attr("RTA_OIF") == found.index
            )
            addresses = tuple(address for address, _ in _addresses(netlink, found.index))
            return Peer(found, addresses, tuple(str(one) for one in gateways if one))

    return in_netns(netns, inspect)


def _make_pair(netlink: IPRoute, host_name: str, netns: str, peer_name: str) -> Link:
    stale = _find(netlink, host_name)
    if stale is not None:
        netlink.link("del", index=stale.index)
    descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        peer = {"ifname": peer_name, "net_ns_fd": descriptor}
        netlink.link("add", ifname=host_name, kind="veth", peer=peer)
    finally:
        os.close(descriptor)
    made = _find(netlink, host_name)
    if made is None:
        raise WorkloadError(f"device {host_name} vanished as soon as it was made")
    return made


def _configure_peer(name: str, addresses: Sequence[str], gateway_mac: str) -> None:
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")
        peer = _find(netlink, name)
        if peer is None:
            raise WorkloadError(f"device {name} is not in its namespace")
        _prepare_ipv6(name, addresses)
        for address in addresses:
            netlink.addr(
                "replace", index=peer.index, address=address, prefixlen=_bits(address),
                **_without_detection(address),
            )  # fmt: skip
        for other, bits in _addresses(netlink, peer.index):
            if other not in addresses:
                netlink.addr("del", index=peer.index, address=other, prefixlen=bits)
        netlink.link("set", index=peer.index, state="up")
        for address in addresses:
            gateway = gateway_of(address)
            _add_neighbour(netlink, peer.index, gateway, gateway_mac)
            netlink.route(
                "replace", dst=_default(address), gateway=gateway, oif=peer.index,
                flags=_RTNH_F_ONLINK,
            )  # fmt: skip


def _prepare_ipv6(name: str, addresses: Sequence[str]) -> None:
    """Have a device speak IPv6 if an address needs it, by what we say alone.

    Its other end is no router to learn from, and no address of it can be anybody else's.
    """
    if any(":" in address for address in addresses):
        set_sysctl(f"conf/{name}/disable_ipv6", 0, "ipv6")
        for setting in ("accept_ra", "accept_dad"):
            set_sysctl(f"conf/{name}/{setting}", 0, "ipv6")


def _route_to_peer(netlink: IPRoute, host: Link, addresses: Sequence[str], mac: str) -> None:
    for address in addresses:
        if ":" in address:
            set_sysctl(f"conf/{host.name}/forwarding", 1, "ipv6")
        # Without a neighbour entry each pod would have to answer ARP or neighbour discovery,
        # which its policy may drop.
        _add_neighbour(netlink, host.index, address, mac)
        scope = {} if ":" in address else {"scope": _SCOPE_LINK}  # IPv6 routes have none
        netlink.route("replace", dst=f"{address}/{_bits(address)}", oif=host.index, **scope)


def _addresses(netlink: IPRoute, index: int) -> list[tuple[str, int]]:
    """Return a device's addresses and prefix lengths, those of the link alone not."""
    return [
        (str(message.get_attr("IFA_ADDRESS")), int(message["prefixlen"]))
        for message in netlink.get_addr(index=index)
        if message["scope"] != _SCOPE_LINK
    ]


def _bits(address: str) -> int:
    return 128 if ":" in address else 32


def _default(address: str) -> str:
    return "::/0" if ":" in address else "0.0.0.0/0"


def _without_detection(address: str) -> dict[str, int]:
    # An address that is still being looked for on the link cannot be used, for a second or two.
    return {"flags": _IFA_F_NODAD} if ":" in address else {}


def _add_neighbour(netlink: IPRoute, index: int, address: str, mac: str) -> None:
    netlink.neigh("replace", dst=address, lladdr=mac, ifindex=index, state=_NUD_PERMANENT)


def _find(netlink: IPRoute, name: str) -> Link | None:
    found = netlink.link_lookup(ifname=name)
    if not found:
        return None
    try:
        messages = list(netlink.get_links(found[0]))
    except NetlinkError as error:
        if error.code == _ENODEV:
            return None
        raise
    return _link(messages[0]) if messages else None


def _link(message: Any) -> Link:
    return Link(
        str(message.get_attr("IFLA_IFNAME")),
        int(message["index"]),
        str(message.get_attr("IFLA_ADDRESS") or ""),
        str(message.get_attr("IFLA_IFALIAS") or ""),
    )
