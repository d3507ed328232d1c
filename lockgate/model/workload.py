"""Namespaces and Pods, as far as Lockgate reads them."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.model.meta import Labels, ObjectRef


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; it need not be declared to be used."""

    name: str
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port a container says it listens on; policies and Services may name it."""

    name: str
    port: int
    protocol: str = "TCP"
    host_port: int = 0
    """A port of its node that leads to it; 0: none."""
    host_ip: str = ""
    """Address of its node on which ``host_port`` is; empty: all."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A readiness probe: an HTTP GET if ``http_path`` is set, else a TCP connection."""

    port: int | str
    http_path: str = ""
    period_s: float = 10.0
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Container:
    """A process of a pod; ``command + args`` is what runs in standalone mode."""

    name: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readiness: Probe | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; with a command it can run on this host, else it is only known by its address."""

    namespace: str
    name: str
    labels: Labels = ()
    service_account: str = "default"
    containers: tuple[Container, ...] = ()
    restart_policy: str = "Always"
    host_network: bool = False
    addresses: tuple[str, ...] = ()
    """At most one of each IP version, the primary one first; ``status.podIPs`` where declared."""
    node: str = ""
    """Name of the node it is on, or empty."""
    finished: bool = False
    """Whether its processes have ended for good; its addresses may then be another's."""
    uid: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Pod", self.namespace, self.name)

    @property
    def address(self) -> str:
        """The primary address, empty while there is none."""
        return self.addresses[0] if self.addresses else ""

    @property
    def runs_here(self) -> bool:
        """Say whether standalone mode starts it: it has a command to run."""
        return any(container.command for container in self.containers)

    def named_ports(self) -> dict[str, tuple[int, str]]:
        """Return (port, protocol) by name, for ports that have one."""
        return {
            port.name: (port.port, port.protocol)
            for container in self.containers
            for port in container.ports
            if port.name
        }


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster."""

    name: str
    labels: Labels = ()
    addresses: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    """Those of them by which nodes reach each other."""
    pod_cidrs: tuple[str, ...] = ()
    """Prefixes of its pods, at most one of each IP version, the primary one first."""

    @property
    def zone(self) -> str:
        """The zone it is in, or empty."""
        return dict(self.labels).get("topology.kubernetes.io/zone", "")
