"""The node's kernel as the agent sees it: say what must be enforced, hear what became of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute

from bpf import attach, host, loader, maps, tracking
from bpf.events import EventReader, Verdict
from bpf.maps import Fields, Map
from bpf.migration import Migration
from bpf.policymap import key_of, row_of, value_of
from bpf.services import Services
from lockgate.errors import BpfError
from lockgate.ir.node import EndpointPolicy, Frontend, LoadBalancer, RowKey

_log = logging.getLogger(__name__)
ENFORCE_INGRESS, ENFORCE_EGRESS, AUDIT = 1, 2, 4
_SOCKET_LB_HOST_ONLY, _FAST_PATH, _MASQUERADE = 1, 2, 4
AUTO = "auto"
HOST_DEVICE = 0
"""The host's key among the endpoints, which no device has."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the programs do beside policy."""

    devices: tuple[str, ...] = ()
    """The node's own devices, by which the world is reached; ``auto``: where default routes lead."""
    masquerade: bool = False
    """Pods reach the world under the node's address."""
    unmasked: tuple[str, ...] = ()
    """Prefixes that know the pods' addresses."""
    socket_lb_host_only: bool = False
    """Services are resolved at the sockets of the host only, at the devices of pods."""
    fast_path: bool = True
    """From pod to pod of this node without the host's stack."""
    nat_ports: tuple[int, int] = (61000, 65535)
    """First and last port of the node for translated connections; above the ephemeral ones."""


class Datapath:
    """Programs and maps that outlive this object; a new one adopts them as they are.

    ``cgroup`` is the control group whose sockets see Services; None is all of the host's.
    """

    def __init__(
        self,
        bpf_dir: Path,
        run_dir: Path,
        cgroup: Path | None = None,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._bpf_dir = bpf_dir
        self._run_dir = run_dir
        self._cgroup = cgroup
        self._maps: dict[str, Map] = {}
        self._programs: dict[str, int] = {}
        self._policies: dict[int, dict[RowKey, dict[Fields, Fields]]] = {}
        self._written: dict[int, tuple[object, int]] = {}
        self.lost: tuple[str, ...] = ()
        """What an agent of another schema left and could not be taken over, for people."""
        self._reader: EventReader | None = None
        self._callback: Callable[[Verdict], None] = lambda _: None

    def start(self) -> None:
        """Adopt what an earlier agent left, or load it; traffic is enforced without a gap.

        Raises: BpfError: the kernel refuses something.
        """
        self._netlink = IPRoute()
        host.ensure_bpffs(self._bpf_dir)
        migration = Migration(self._bpf_dir, self._run_dir, maps.ALL)
        self._maps = migration.open()
        self._programs, loaded = loader.ensure_programs(self._bpf_dir, self._maps)
        index, address = host.install(self._netlink)
        migration.copy()
        self._map(maps.HAIRPIN).put((0,), (index, address, 0))
        self._configure()
        attach.attach_tc(
            self._netlink, index, self._programs["hairpin"], "lg_hairpin", attach.TC_INGRESS
        )
        if loaded or migration.is_needed or loader.has_older(self._bpf_dir):
            self._attach_known()
        self._attach_devices()
        attach.attach_cgroup(self._cgroup_root(), self._programs)
        migration.finish()
        loader.forget_older(self._bpf_dir)
        self.lost = tuple(migration.lost)
        self._services = Services(self._maps)
        self._ipcache = dict(self._map(maps.IPCACHE).items())
        self._policies, self._written = {}, {}
        for key, value in self._map(maps.POLICY).items():
            rows = self._policies.setdefault(_integer(key[1]), {})
            rows.setdefault(row_of(key), {})[key] = value

    def _configure(self) -> None:
        options, config = self._options, self._map(maps.CONFIG)
        flags = _SOCKET_LB_HOST_ONLY * options.socket_lb_host_only
        flags |= _FAST_PATH * options.fast_path | _MASQUERADE * options.masquerade
        first, last = options.nat_ports
        config.put((1,), (host.netns_cookie(),))
        config.put((2,), (flags,))
        config.put((3,), (first | last << 16,))
        unmasked = self._map(maps.UNMASKED)
        wanted: dict[Fields, Fields] = {maps.cidr_fields(one): (1,) for one in options.unmasked}
        _sync(unmasked, dict(unmasked.items()), wanted)

    def _attach_devices(self) -> None:
        devices = self._map(maps.DEVICES)
        wanted: dict[Fields, Fields] = {}
        for name in self._device_names():
            index = attach.device_index(self._netlink, name)
            wanted[index,] = host.device_addresses(self._netlink, index)
        known = dict(devices.items())
        _sync(devices, dict(known), wanted)
        for key in wanted:
            attach.attach_device(self._netlink, _integer(key[0]), self._programs)
        for key in known.keys() - wanted.keys():
            attach.detach_device(self._netlink, _integer(key[0]))

    def _device_names(self) -> list[str]:
        named = [name for name in self._options.devices if name != AUTO]
        found = host.devices_to_the_world() if AUTO in self._options.devices else ()
        return list(dict.fromkeys([*named, *found]))

    def set_host(self, endpoint_id: int, policy: EndpointPolicy | None) -> None:
        """Enforce a policy at the host's own addresses; None enforces nothing there."""
        endpoints = self._map(maps.ENDPOINTS)
        if policy is None:
            if endpoints.delete((HOST_DEVICE,)):
                self._delete_policy(endpoint_id)
                self._bump_revision()
            return
        changed = self._write_policy(endpoint_id, policy, {})
        flags = ENFORCE_INGRESS * policy.ingress_enforced | ENFORCE_EGRESS * policy.egress_enforced
        value: Fields = (
            endpoint_id, policy.identity, flags | AUDIT * policy.audit, 0,
            maps.NO_ADDRESS, maps.NO_ADDRESS,
        )  # fmt: skip
        if endpoints.get((HOST_DEVICE,)) != value:
            endpoints.put((HOST_DEVICE,), value)
            changed = True
        if changed:
            self._bump_revision()

    def attach(
        self, ifname: str, endpoint_id: int, identity: int, addresses: Sequence[str]
    ) -> None:
        """Put a pod under enforcement: nothing passes until its policy is set.

        What an earlier agent set for the same endpoint stays in force.
        """
        index = attach.device_index(self._netlink, ifname)
        endpoints = self._map(maps.ENDPOINTS)
        known = endpoints.get((index,))
        if known is None or known[0] != endpoint_id:
            closed = ENFORCE_INGRESS | ENFORCE_EGRESS
            self._forget_endpoint(endpoint_id)  # of another device, which it had before
            self._write_endpoint(index, endpoint_id, identity, addresses, closed)
        host.prepare_device(ifname)
        attach.attach_pod(self._netlink, index, self._programs)

    def detach(self, ifname: str, endpoint_id: int, addresses: Sequence[str]) -> None:
        """Forget a pod; its device may be gone already."""
        for index in self._netlink.link_lookup(ifname=ifname):
            attach.detach_tc(self._netlink, index)
        self._forget_endpoint(endpoint_id, [maps.address_bytes(one) for one in addresses])
        self._bump_revision()

    def set_endpoint(
        self,
        endpoint_id: int,
        ifname: str,
        addresses: Sequence[str],
        policy: EndpointPolicy,
        class_ids: Mapping[str, int],
    ) -> None:
        """Make the kernel enforce a policy; ``class_ids`` numbers its rule sets.

        Only what differs is written, new entries before stale ones go. Connections that the
        policy no longer allows are cut.
        """
        index = attach.device_index(self._netlink, ifname)
        flags = ENFORCE_INGRESS * policy.ingress_enforced | ENFORCE_EGRESS * policy.egress_enforced
        flags |= AUDIT * policy.audit
        changed = self._write_policy(endpoint_id, policy, class_ids)
        changed |= self._write_endpoint(index, endpoint_id, policy.identity, addresses, flags)
        if changed:
            self._bump_revision()

    def _write_policy(
        self, endpoint_id: int, policy: EndpointPolicy, class_ids: Mapping[str, int]
    ) -> bool:
        """Write the rows that changed since the last call, or all of another policy."""
        known = self._policies.setdefault(endpoint_id, {})
        rows, seen = self._written.get(endpoint_id, (None, 0))
        touched = policy.rows.changes(seen) if rows is policy.rows else {*policy.rows, *known}
        changed = False
        for row in touched:
            wanted = {
                key_of(endpoint_id, entry): value_of(entry, class_ids)
                for entry in policy.rows.get(row) or ()
            }
            changed |= _sync(self._map(maps.POLICY), known.setdefault(row, {}), wanted)
            if not wanted:
                del known[row]
        self._written[endpoint_id] = policy.rows, policy.revision
        return changed

    def set_ipcache(self, desired: Mapping[str, int]) -> None:
        """Make the address table hold exactly these CIDRs and their identities."""
        wanted = {maps.cidr_fields(cidr): (identity,) for cidr, identity in desired.items()}
        if _sync(self._map(maps.IPCACHE), self._ipcache, wanted):
            self._bump_revision()

    def put_ipcache(self, cidr: str, identity: int) -> None:
        """Set the identity of one CIDR."""
        key = maps.cidr_fields(cidr)
        if self._ipcache.get(key) != (identity,):
            self._map(maps.IPCACHE).put(key, (identity,))
            self._ipcache[key] = (identity,)
            self._bump_revision()

    def delete_ipcache(self, cidr: str) -> None:
        """Forget one CIDR."""
        key = maps.cidr_fields(cidr)
        if self._ipcache.pop(key, None) is not None:
            self._map(maps.IPCACHE).delete(key)
            self._bump_revision()

    def put_service(self, lb: LoadBalancer) -> None:
        """Write a service; one without backends refuses connections."""
        self._services.put(lb)

    def delete_service(self, frontend: Frontend) -> None:
        """Remove a service."""
        self._services.delete(frontend)

    def prune_services(self, keep: Iterable[Frontend]) -> None:
        """Remove every service not named."""
        self._services.prune(keep)

    def prune_endpoints(self, keep: Iterable[int]) -> None:
        """Forget every endpoint whose id is not named."""
        wanted = set(keep)
        gone = [
            value
            for key, value in self._map(maps.ENDPOINTS).items()
            if value[0] not in wanted and key != (HOST_DEVICE,)
        ]
        for value in gone:
            self._forget_endpoint(_integer(value[0]))
        if gone:
            self._bump_revision()

    def set_proxy_ports(self, ports: Mapping[tuple[int, int], int]) -> None:
        """Set the listeners' ports on loopback by (egress class, ingress class)."""
        table, listen = self._map(maps.PROXY_PORTS), self._map(maps.PROXY_LISTEN)
        wanted_listen: dict[Fields, Fields] = {(port,): (1,) for port in ports.values()}
        _sync(listen, dict(listen.items()), wanted_listen)
        wanted: dict[Fields, Fields] = {pair: (port,) for pair, port in ports.items()}
        _sync(table, dict(table.items()), wanted)

    def events(self, callback: Callable[[Verdict], None]) -> None:
        """Have verdicts given to ``callback``, from :meth:`poll`."""
        self._callback = callback
        if self._reader is None:
            self._reader = EventReader(self._map(maps.EVENTS), lambda event: self._callback(event))  # noqa: PLW0108  # it may be replaced

    def poll(self, timeout_ms: int) -> int:
        """Hand over verdicts, waiting up to ``timeout_ms``; return how many."""
        return self._reader.poll(timeout_ms) if self._reader else 0

    def collect(self) -> dict[str, int]:
        """Remove connections and translations that have timed out; return how many of each map."""
        return tracking.collect(self._maps)

    def adopt(self) -> None:
        """Take hold of what an earlier agent left, only to remove it by :meth:`cleanup`."""
        self._netlink = IPRoute()
        if (self._bpf_dir / maps.SCHEMA).exists():
            self._maps = maps.create_maps(self._bpf_dir / maps.SCHEMA)

    def cleanup(self) -> None:
        """Remove everything of ours from the kernel; sysctls stay."""
        endpoints = self._maps.get(maps.ENDPOINTS.name)
        devices = self._maps.get(maps.DEVICES.name)
        for key in endpoints.keys() if endpoints else ():
            if key != (HOST_DEVICE,):
                attach.detach_tc(self._netlink, _integer(key[0]))
        for key in devices.keys() if devices else ():
            attach.detach_device(self._netlink, _integer(key[0]))
        with contextlib.suppress(BpfError):
            attach.detach_cgroup(self._cgroup_root())
        host.remove(self._netlink)
        self.close()
        loader.remove_tree(self._bpf_dir)

    def close(self) -> None:
        """Let go of descriptors; the kernel goes on enforcing."""
        if self._reader:
            self._reader.close()
            self._reader = None
        for table in self._maps.values():
            table.close()
        loader.close_programs(self._programs)
        self._maps, self._programs = {}, {}
        self._netlink.close()

    def _map(self, spec: maps.MapSpec) -> Map:
        return self._maps[spec.name]

    def _cgroup_root(self) -> Path:
        return self._cgroup or attach.find_cgroup_root(self._run_dir)

    def _attach_known(self) -> None:
        for key in self._map(maps.ENDPOINTS).keys():  # noqa: SIM118  # a kernel map is no mapping
            if key == (HOST_DEVICE,):
                continue
            try:
                attach.attach_pod(self._netlink, _integer(key[0]), self._programs)
            except BpfError as error:
                _log.warning("pod device is gone: %s", error)

    def _write_endpoint(
        self, index: int, endpoint_id: int, identity: int, addresses: Sequence[str], flags: int
    ) -> bool:
        mac = attach.peer_mac(self._netlink, index)
        ipv4 = next((maps.address_bytes(one) for one in addresses if "." in one), maps.NO_ADDRESS)
        ipv6 = next((maps.address_bytes(one) for one in addresses if ":" in one), maps.NO_ADDRESS)
        wanted: list[tuple[maps.MapSpec, Fields, Fields]] = [
            (maps.ENDPOINT_IPS, (raw,), (endpoint_id, identity, index, flags, mac, int(any(mac))))
            for raw in (ipv4, ipv6)
            if raw != maps.NO_ADDRESS
        ]
        wanted.append((maps.ENDPOINTS, (index,), (endpoint_id, identity, flags, 0, ipv4, ipv6)))
        changed = False
        for spec, key, value in wanted:
            table = self._map(spec)
            if table.get(key) != value:
                table.put(key, value)
                changed = True
        return changed

    def _forget_endpoint(self, endpoint_id: int, addresses: Iterable[bytes] = ()) -> None:
        ips, endpoints = self._map(maps.ENDPOINT_IPS), self._map(maps.ENDPOINTS)
        gone = set(addresses)
        for key, value in endpoints.items():
            if value[0] == endpoint_id:
                endpoints.delete(key)
                gone |= {_raw(value[4]), _raw(value[5])}
        for address in gone:
            known = ips.get((address,))
            if known is not None and known[0] == endpoint_id:
                ips.delete((address,))
        self._delete_policy(endpoint_id)

    def _delete_policy(self, endpoint_id: int) -> None:
        self._written.pop(endpoint_id, None)
        for row in self._policies.pop(endpoint_id, {}).values():
            _sync(self._map(maps.POLICY), row, {})

    def _bump_revision(self) -> None:
        """Have every connection judged anew at its next packet."""
        config = self._map(maps.CONFIG)
        (revision,) = config.get((0,)) or (0,)
        config.put((0,), (_integer(revision) + 1,))


def _sync(table: Map, present: dict[Fields, Fields], wanted: Mapping[Fields, Fields]) -> bool:
    """Write what differs, then delete what is not wanted; return whether anything was done.

    ``present`` is what the table is known to hold, kept true entry by entry: reading a map back
    would cost its whole size at every change.
    """
    new = {key: value for key, value in wanted.items() if present.get(key) != value}
    stale = [key for key in present if key not in wanted]
    if new:
        table.put_all(new)
        present.update(new)
    if stale:
        table.delete_all(stale)
        for key in stale:
            del present[key]
    return bool(new or stale)


def _raw(field: object) -> bytes:
    assert isinstance(field, bytes)
    return field


def _integer(field: object) -> int:
    assert isinstance(field, int)
    return field
