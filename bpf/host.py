"""What the host's network needs so that assigned packets reach the proxy."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bpf.maps import NO_ADDRESS, address_bytes
from lockgate.errors import BpfError
from lockgate.ir import marks

TABLE: Final = 2004
RULE_PRIORITY: Final = 90
HAIRPIN, HAIRPIN_PEER = "lg-hairpin0", "lg-hairpin1"
_SO_NETNS_COOKIE: Final = 71
_EEXIST: Final = 17
_SCOPE_LINK: Final = 253
_RULE: Final[dict[str, Any]] = {
    "fwmark": marks.TO_PROXY, "fwmask": marks.MASK, "table": TABLE, "priority": RULE_PRIORITY,
}  # fmt: skip
_ROUTES: Final[tuple[dict[str, Any], ...]] = (
    {"family": socket.AF_INET, "dst": "0.0.0.0/0", "type": "local", "scope": "host"},
    {"family": socket.AF_INET6, "dst": "::/0", "type": "local"},
)


def _routes() -> tuple[dict[str, Any], ...]:
    return _ROUTES if has_ipv6() else _ROUTES[:1]


def mount(kind: str, target: Path) -> None:
    """Mount a kernel file system.

    Raises: BpfError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind.encode(), os.fsencode(target), kind.encode(), 0, None):
        raise BpfError(f"cannot mount {kind} at {target}: {os.strerror(ctypes.get_errno())}")


def set_sysctl(name: str, value: int, family: str = "ipv4") -> None:
    """Set a value below ``/proc/sys/net/FAMILY`` unless it is so already.

    Raises: BpfError: it may not be written.
    """
    path = Path("/proc/sys/net") / family / name
    try:
        if path.read_text().strip() != str(value):
            path.write_text(str(value))
    except OSError as error:
        raise BpfError(f"cannot set {path} to {value}: {error.strerror}") from error


def has_ipv6() -> bool:
    """Say whether this kernel speaks IPv6."""
    return Path("/proc/sys/net/ipv6").exists()


def ipv6_fault() -> str:
    """Return why no device here can have an IPv6 address, empty if one can."""
    if not has_ipv6():
        return "this kernel has no IPv6"
    for scope in ("all", "default"):
        name = f"net.ipv6.conf.{scope}.disable_ipv6"
        if Path("/proc/sys", name.replace(".", "/")).read_text().strip() != "0":
            return f"{name} is set"
    return ""


def prepare_device(ifname: str) -> None:
    """Let a device take packets whose return path is another one, as all assigned ones are."""
    set_sysctl(f"conf/{ifname}/rp_filter", 0)


def install(netlink: IPRoute) -> tuple[int, bytes]:
    """Put rule, route, sysctls and hairpin in place; return the hairpin's index and address."""
    set_sysctl("ip_forward", 1)
    if has_ipv6():
        set_sysctl("conf/all/forwarding", 1, "ipv6")
    set_sysctl("conf/all/rp_filter", 0)
    # The world's answers to the proxy bear a pod's address. Early demux would find the proxy's
    # socket for them, and the kernel forwards no packet that has one: they would be lost.
    set_sysctl("tcp_early_demux", 0)
    _install_route(netlink)
    if not netlink.link_lookup(ifname=HAIRPIN):
        netlink.link("add", ifname=HAIRPIN, kind="veth", peer={"ifname": HAIRPIN_PEER})
    for name in (HAIRPIN, HAIRPIN_PEER):
        netlink.link("set", index=netlink.link_lookup(ifname=name)[0], state="up")
        prepare_device(name)
        set_sysctl(f"conf/{name}/accept_local", 1)
    index = int(netlink.link_lookup(ifname=HAIRPIN)[0])
    address = str(netlink.get_links(index)[0].get_attr("IFLA_ADDRESS"))
    return index, bytes.fromhex(address.replace(":", ""))


def _install_route(netlink: IPRoute) -> None:
    loopback = netlink.link_lookup(ifname="lo")[0]
    netlink.link("set", index=loopback, state="up")
    for route in _routes():
        netlink.route("replace", table=TABLE, oif=loopback, **route)
        try:
            netlink.rule("add", family=route["family"], **_RULE)
        except NetlinkError as error:
            if error.code != _EEXIST:
                raise BpfError(f"rule for marked packets: {error}") from error


def remove(netlink: IPRoute) -> None:
    """Undo :func:`install`, but for sysctls, which others may rely on."""
    for route in _routes():
        with contextlib.suppress(NetlinkError):
            netlink.rule("del", family=route["family"], **_RULE)
        with contextlib.suppress(NetlinkError):
            netlink.route("del", table=TABLE, **route)
    for index in netlink.link_lookup(ifname=HAIRPIN):
        netlink.link("del", index=index)


def devices_to_the_world() -> tuple[str, ...]:
    """Return the names of the devices that a default route leads to, sorted."""
    with IPRoute() as netlink:
        routes = [
            *netlink.get_default_routes(family=socket.AF_INET),
            *netlink.get_default_routes(family=socket.AF_INET6),
        ]
        indexes = {route.get_attr("RTA_OIF") for route in routes} - {None}
        links = [link for index in indexes for link in netlink.get_links(index)]
    return tuple(sorted({str(link.get_attr("IFLA_IFNAME")) for link in links} - {"lo"}))


def device_addresses(netlink: IPRoute, index: int) -> tuple[bytes, bytes]:
    """Return a device's first IPv4 and IPv6 address as maps hold them; zeros where there is none.

    Addresses of the link alone do not count.
    """
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        rows = netlink.get_addr(family=family, index=index)
        texts = [str(row.get_attr("IFA_ADDRESS")) for row in rows if row["scope"] != _SCOPE_LINK]
        found.append(address_bytes(texts[0]) if texts else NO_ADDRESS)
    return found[0], found[1]


def netns_cookie() -> int:
    """Return the kernel's number of this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        raw = probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    return int.from_bytes(raw, "little" if os.uname().machine != "s390x" else "big")


def ensure_bpffs(directory: Path) -> None:
    """Make a directory for pins, mounting the bpf file system above it if need be.

    Raises: BpfError: it cannot be mounted.
    """
    root = Path("/sys/fs/bpf")
    mounted = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
    if directory.is_relative_to(root) and str(root) not in mounted:
        mount("bpf", root)
    directory.mkdir(parents=True, exist_ok=True)


def host_addresses() -> list[str]:
    """Return the addresses of this host, loopback included, those of a single link not."""
    with IPRoute() as netlink:
        rows = [
            row
            for family in (socket.AF_INET, socket.AF_INET6)
            for row in netlink.get_addr(family=family)
        ]
    return [str(row.get_attr("IFA_ADDRESS")) for row in rows if row["scope"] != _SCOPE_LINK]
