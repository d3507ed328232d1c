"""Where the pods of other nodes are: routes by the nodes' own addresses, on a common link."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Protocol

from agent.cursor import Cursor
from lockgate.errors import BpfError
from lockgate.model.workload import Node
from lockgate.state import Table

Routes = dict[str, str]
"""Next hop by prefix."""


class RouteWriter(Protocol):
    """The kernel's routes that are ours."""

    def present(self) -> Routes:
        """Return those that are there."""

    def put(self, prefix: str, hop: str) -> None:
        """Write one; BpfError: the kernel refuses."""

    def delete(self, prefix: str) -> None:
        """Remove one; one that is not there is no error."""


def routes_of(node: Node) -> Routes:
    """Return the routes that lead to a node's pods.

    A prefix of an IP version in which the node has no address is not reached.
    """
    hops = {ip_address(one).version: one for one in reversed(node.internal)}
    versions = {prefix: ip_network(prefix).version for prefix in node.pod_cidrs}
    return {prefix: hops[number] for prefix, number in versions.items() if number in hops}


class NodeRoutes:
    """Keeps the routes to the pods of all nodes but this one; each change writes its own.

    A prefix that two nodes claim stays with the first of them.
    """

    def __init__(self, nodes: Table[str, Node], own: str, kernel: RouteWriter) -> None:
        self._cursor = Cursor(nodes)
        self._own = own
        self._kernel = kernel
        self._owners: dict[str, str] = {}
        self._held: dict[str, set[str]] = {}
        self._adopted = False

    def enforce(self) -> None:
        """Bring the kernel's routes up to date.

        Raises: BpfError: it refused some, which are tried again; the others are in force.
        """
        failed = []
        for name, node in self._cursor.pending().items():
            try:
                self._write(name, routes_of(node) if node and name != self._own else {})
            except BpfError as error:
                failed.append(str(error))
            else:
                self._cursor.done(name)
        if not self._adopted:
            for prefix in self._kernel.present().keys() - self._owners.keys():
                self._kernel.delete(prefix)
            self._adopted = True
        if failed:
            raise BpfError("; ".join(failed))

    def _write(self, name: str, wanted: Routes) -> None:
        for prefix in self._held.pop(name, set()) - wanted.keys():
            self._kernel.delete(prefix)
            del self._owners[prefix]
        for prefix, hop in wanted.items():
            if self._owners.setdefault(prefix, name) == name:
                self._held.setdefault(name, set()).add(prefix)
                self._kernel.put(prefix, hop)
