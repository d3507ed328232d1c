"""From desired state to the kernel: identities first, then proxy ports, then policies.

One entry that the kernel refuses leaves the others alone; it stays pending and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from agent.cursor import Cursor
from agent.declared import Key
from agent.desired import Desired
from agent.network import host_interface
from agent.proxy_ports import ProxyPorts
from bpf.datapath import Datapath
from lockgate.errors import BpfError
from lockgate.ir.node import (
    IDENTITY_HOST,
    IDENTITY_WORLD,
    EndpointPolicy,
    Frontend,
    LoadBalancer,
)
from lockgate.policy.node_policies import HOST
from lockgate.policy.prefixes import EVERYWHERE, host_prefix

_GROUND = {EVERYWHERE[4]: IDENTITY_WORLD}
"""The kernel holds IPv4 addresses as IPv6 ones, so that a block such as ``::/0`` would hold them
too; where nothing is said of the IPv4 world, this entry is in between."""

K = TypeVar("K")
V = TypeVar("V")


class KernelReconciler:
    """Writes what the kernel must enforce; ``host_addresses`` have the host's identity."""

    def __init__(
        self,
        desired: Desired,
        datapath: Datapath,
        ports: ProxyPorts,
        host_addresses: Iterable[str],
        interface_of: Callable[[str], str | None] = host_interface,
    ) -> None:
        self._desired = desired
        self._datapath = datapath
        self._ports = ports
        self._interface_of = interface_of
        self._hosts = {host_prefix(address): IDENTITY_HOST for address in host_addresses}
        self._policies = Cursor(desired.policy.endpoint_policies)
        self._load_balancers = Cursor(desired.topology.load_balancers)
        self._host_ports = Cursor(desired.topology.forwarding.host_ports)
        self._identities = Cursor(desired.policy.identities)
        self._placed = Cursor(desired.topology.placed)
        self._cidrs = Cursor(desired.policy.cidr_identities)
        self._frontends: dict[Key | str, set[Frontend]] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._holders: dict[str, str] = {}
        """The pod that an address is written for, by prefix."""
        self._failures: list[str] = []
        self._adopted = False

    def know_host(self) -> None:
        """Write the host's identity, which probes need before anything else is known."""
        for cidr, identity in {**_GROUND, **self._hosts}.items():
            self._datapath.put_ipcache(cidr, identity)

    def attached(self, endpoint: str) -> None:
        """Take note that an endpoint has a new device, for which its policy must be written."""
        self._policies.again(endpoint)

    def enforce(self) -> None:
        """Bring the kernel's maps up to date.

        Raises: BpfError: the kernel refused something; the rest is in force.
        """
        self._failures = []
        self._apply(self._cidrs, self._set_ipcache)
        self._apply(self._identities, lambda endpoint, _row: self._set_address(endpoint))
        self._apply(self._placed, lambda endpoint, _row: self._set_address(endpoint))
        self._datapath.set_proxy_ports(self._ports.by_class())
        self._apply(self._policies, self._set_policy)
        self._apply(self._load_balancers, self._set_service)
        self._apply(self._host_ports, self._set_service)
        if not self._adopted:
            self._remove_strays()
            self._adopted = True
        if self._failures:
            raise BpfError("; ".join(self._failures))

    def _apply(self, cursor: Cursor[K, V], apply: Callable[[K, V | None], None]) -> None:
        for key, row in cursor.pending().items():
            try:
                apply(key, row)
            except BpfError as error:
                self._failures.append(f"{key}: {error}")
            else:
                cursor.done(key)

    def _set_ipcache(self, cidr: str, identity: int | None) -> None:
        if cidr in self._hosts or cidr in self._holders:
            return  # a policy may name an address of this host or of a pod, or a Node be it
        identity = _GROUND.get(cidr) if identity is None else identity
        if identity is None:
            self._datapath.delete_ipcache(cidr)
        else:
            self._datapath.put_ipcache(cidr, identity)

    def _set_address(self, endpoint: str) -> None:
        placed = self._desired.topology.placed.get(endpoint)
        identity = self._desired.policy.identities.get(endpoint)
        old = self._addresses.pop(endpoint, ())
        addresses = placed.pod.addresses if placed else ()
        for address in set(old) - set(addresses):
            self._free_address(endpoint, host_prefix(address))
        if addresses and identity is not None:
            self._addresses[endpoint] = addresses
            for address in addresses:
                self._holders[host_prefix(address)] = endpoint
                self._datapath.put_ipcache(host_prefix(address), identity)

    def _free_address(self, endpoint: str, prefix: str) -> None:
        """Give a pod's address back to what policies call it, unless it is another pod's by now."""
        if self._holders.get(prefix) == endpoint:
            del self._holders[prefix]
            self._set_ipcache(prefix, self._desired.policy.cidr_identities.get(prefix))

    def _set_policy(self, endpoint: str, policy: EndpointPolicy | None) -> None:
        if endpoint == HOST:
            self._datapath.set_host(self._desired.endpoint_id(HOST), policy)
            return
        pod, interface = self._desired.topology.local.get(endpoint), self._interface_of(endpoint)
        if policy is not None and pod is not None and interface is not None:
            self._datapath.set_endpoint(
                self._desired.endpoint_id(endpoint),
                interface,
                pod.addresses,
                policy,
                self._ports.class_ids,
            )

    def _set_service(self, key: Key | str, balancers: tuple[LoadBalancer, ...] | None) -> None:
        wanted = {balancer.frontend for balancer in balancers or ()}
        for balancer in balancers or ():
            self._datapath.put_service(balancer)
        for frontend in self._frontends.pop(key, set()) - wanted:
            self._datapath.delete_service(frontend)
        if wanted:
            self._frontends[key] = wanted

    def _remove_strays(self) -> None:
        """Remove what an earlier agent wrote and nobody declares any more."""
        cidrs = dict(self._desired.policy.cidr_identities.items())
        pods = {
            host_prefix(address): identity
            for endpoint, addresses in self._addresses.items()
            if (identity := self._desired.policy.identities.get(endpoint)) is not None
            for address in addresses
        }
        self._datapath.set_ipcache({**_GROUND, **cidrs, **self._hosts, **pods})
        self._datapath.prune_services({one for row in self._frontends.values() for one in row})
        local = self._desired.topology.local
        self._datapath.prune_endpoints({self._desired.endpoint_id(name) for name in local})
        if self._desired.policy.endpoint_policies.get(HOST) is None:
            self._datapath.set_host(self._desired.endpoint_id(HOST), None)
