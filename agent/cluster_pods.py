"""Pods that a kubelet runs here: attached by the CNI plugin, adopted over restarts of the agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.attachments import Attachments
from agent.ipam import Ipam, Leases
from agent.network import PodNetwork, usable_prefixes
from agent.pods import PodStatus
from lockgate.model.workload import Node
from lockgate.settings import Settings


def prefixes_for(settings: Settings, node: Node | None) -> tuple[str, ...]:
    """Return the prefixes of the pods here: those of the Node, else those that were given."""
    if node is not None and node.pod_cidrs:
        return node.pod_cidrs
    return settings.pod_prefixes if settings.names_pod_prefixes else ()


class ClusterPods:
    """What is attached, and from which prefixes addresses come.

    Args:
        settings: of the agent.
        leases: addresses that an earlier agent gave.
        on_status: called with every change, in any thread.
    """

    def __init__(
        self, settings: Settings, leases: Leases, on_status: Callable[[PodStatus], None]
    ) -> None:
        self.attachments = Attachments()
        self.ipam = Ipam((), {})
        self.prefixes: tuple[str, ...] = ()
        self._settings = settings
        self._leases = leases
        self._on_status = on_status

    @property
    def fault(self) -> str:
        """Why no pod can be added now, empty if one can."""
        if self.prefixes:
            return ""
        return (
            f"Node {self._settings.node_name} has no podCIDRs yet; have them allocated by the "
            "operator or the controller manager, or set LOCKGATE_POD_CIDR"
        )

    def know_node(self, node: Node | None) -> bool:
        """Take in this node; return whether pods get addresses from now on.

        Prefixes that have come into use stay: pods have addresses of them.
        """
        wanted, _ = usable_prefixes(prefixes_for(self._settings, node))
        if self.prefixes or not wanted:
            return False
        self.prefixes = wanted
        self.ipam = Ipam(wanted, self._leases)
        return True

    def adopt(self, network: PodNetwork, attach: Callable[[str, str, Sequence[str]], None]) -> None:
        """Put every pod that is attached already under enforcement."""
        for row in network.attached():
            addresses = self.ipam.addresses(f"{row.container}/{row.ifname}")
            if addresses:
                attach(row.endpoint, row.interface, addresses)

    def added(self, endpoint: str, interface: str, addresses: Sequence[str]) -> None:
        """Take note of a pod that was attached."""
        self.attachments.put(endpoint, interface, addresses)
        self._on_status(PodStatus(endpoint, "Running", ready=True, addresses=tuple(addresses)))

    def removed(self, endpoint: str, interface: str) -> bool:
        """Take note of a pod that is detached; return whether it was not attached anew since."""
        newest = self.attachments.remove(endpoint, interface)
        if newest:
            self._on_status(PodStatus(endpoint, "Deleted"))
        return newest
