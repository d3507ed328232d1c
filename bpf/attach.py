"""Attach programs to pods' devices and to the control group tree; everything may be repeated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bpf import syscalls
from bpf.compile import PROGRAMS, SOCK_ADDR
from lockgate.errors import BpfError

TC_INGRESS, TC_EGRESS = "ffff:fff2", "ffff:fff3"
_EEXIST: Final = 17


def device_index(netlink: IPRoute, ifname: str) -> int:
    """Return a device's index.

    Raises: BpfError: there is no such device.
    """
    found = netlink.link_lookup(ifname=ifname)
    if not found:
        raise BpfError(f"there is no network device {ifname}")
    return int(found[0])


def peer_mac(netlink: IPRoute, ifindex: int) -> bytes:
    """Return the hardware address of a veth's other end, in another namespace; zeros if unknown."""
    try:
        link = netlink.get_links(ifindex)[0]
        peer, namespace = link.get_attr("IFLA_LINK"), link.get_attr("IFLA_LINK_NETNSID")
        if peer is None or namespace is None:
            return bytes(6)
        found = netlink.link("get", index=peer, target_netnsid=namespace)
        address = str(found[0].get_attr("IFLA_ADDRESS"))
    except (NetlinkError, IndexError):
        return bytes(6)
    return bytes.fromhex(address.replace(":", ""))


def attach_device(netlink: IPRoute, ifindex: int, programs: dict[str, int]) -> None:
    """Attach both programs to one of the node's own devices."""
    attach_tc(netlink, ifindex, programs["to_device"], "lg_to_device", TC_EGRESS)
    attach_tc(netlink, ifindex, programs["from_device"], "lg_from_device", TC_INGRESS)


def attach_tc(netlink: IPRoute, ifindex: int, program: int, name: str, parent: str) -> None:
    """Attach a program, in place of ours if one is there; no packet passes between."""
    try:
        netlink.tc("add", "clsact", ifindex)
    except NetlinkError as error:
        if error.code != _EEXIST:
            raise BpfError(f"clsact on device {ifindex}: {error}") from error
    options: dict[str, Any] = {"prio": 1, "fd": program, "name": name, "direct_action": True}
    try:
        netlink.tc("replace-filter", "bpf", ifindex, 1, parent=parent, **options)
    except NetlinkError as error:
        raise BpfError(f"program {name} on device {ifindex}: {error}") from error


def attach_pod(netlink: IPRoute, ifindex: int, programs: dict[str, int]) -> None:
    """Attach both programs to the host's side of a pod's veth."""
    attach_tc(netlink, ifindex, programs["to_pod"], "lg_to_pod", TC_EGRESS)
    attach_tc(netlink, ifindex, programs["from_pod"], "lg_from_pod", TC_INGRESS)


def detach_device(netlink: IPRoute, ifindex: int) -> None:
    """Remove our programs from one of the node's own devices; others' stay."""
    for parent in (TC_INGRESS, TC_EGRESS):
        try:
            netlink.tc("del-filter", "bpf", ifindex, 1, parent=parent, prio=1)
        except NetlinkError as error:
            if error.code not in (2, 19, 22):  # as below
                raise BpfError(f"programs on device {ifindex}: {error}") from error


def detach_tc(netlink: IPRoute, ifindex: int) -> None:
    """Remove the programs of a device, which may be gone."""
    try:
        netlink.tc("del", "clsact", ifindex)
    except NetlinkError as error:
        if error.code not in (2, 19, 22):  # ENOENT, ENODEV, EINVAL: nothing was there
            raise BpfError(f"clsact on device {ifindex}: {error}") from error


def find_cgroup_root(run_dir: Path) -> Path:
    """Return where version 2 of the control groups is mounted; mount it if nowhere.

    Raises: BpfError: it cannot be mounted.
    """
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(target)
    from bpf.host import mount

    target_dir = run_dir / "cgroup2"
    target_dir.mkdir(parents=True, exist_ok=True)
    mount("cgroup2", target_dir)
    return target_dir


def attach_cgroup(cgroup: Path, programs: dict[str, int]) -> None:
    """Attach the socket programs to a control group, in place of those of an earlier agent."""
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for spec in PROGRAMS:
            if spec.kind == SOCK_ADDR:
                syscalls.attach_cgroup(fd, programs[spec.name], spec.attach_type)
    except OSError as error:
        raise BpfError(f"socket programs at {cgroup}: {error.strerror}") from error
    finally:
        os.close(fd)


def detach_cgroup(cgroup: Path) -> None:
    """Detach the socket programs."""
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for spec in PROGRAMS:
            if spec.kind == SOCK_ADDR:
                syscalls.detach_cgroup(fd, spec.attach_type)
    except OSError as error:
        raise BpfError(f"socket programs at {cgroup}: {error.strerror}") from error
    finally:
        os.close(fd)
