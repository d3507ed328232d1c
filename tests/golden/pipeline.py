"""From the objects of an input file to everything they become, as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from agent.desired import Desired
from agent.pod_supervisor import PodStatus
from agent.proxy_ports import ProxyPorts, pairs_in_use
from agent.saved_state import SavedState
from bpf.policymap import key_of, value_of
from lockgate.ir.node import Frontend, LoadBalancer
from lockgate.ir.proxy import IngressProxy
from lockgate.ir.upstream import Certificate, CertificateAuthority
from lockgate.model.meta import ObjectRef, Problem
from lockgate.model.workload import Pod
from lockgate.settings import read_settings
from lockgate.sources.manifests import read_file
from xds import codec
from xds.resource import Resource
from xds.route_table import RouteTable
from xds.translate import clusters, listeners
from xds.translate.ingress.listeners import ingress_listeners


class Case:
    """One input and what it becomes. A pod with a command runs at its ``status.podIP``."""

    def __init__(self, path: Path) -> None:
        found = read_file(path, path.name)
        self.desired = Desired(read_settings({}, node_name="node-a"), SavedState(path / "none"))
        rows = [row for entry in found for row in entry.rows]
        self.desired.declared.put(rows)
        for row in rows:
            if isinstance(row, Pod) and row.runs_here:
                status = PodStatus(row.ref.path, "Running", ready=True, addresses=row.addresses)
                self.desired.topology.pod_status.put(row.ref.path, status)
        self.desired.tick()
        self._read = [problem for entry in found for problem in entry.problems]
        self._ports = ProxyPorts(15000, 15999, {})
        self._ports.use(
            pairs_in_use(*map(self.desired.policy.rule_set_names, ("egress", "ingress")))
        )
        self.resources, self._route_problems = self._resources()

    def outputs(self) -> dict[str, Any]:
        """Return each output by the suffix of its file."""
        return {
            "ir": self._ir(),
            "xds": [_decoded(resource) for resource in self.resources],
            "maps": self._maps(),
            "status": [str(problem) for problem in self._problems()],
        }

    def _problems(self) -> list[Problem]:
        return sorted({*self._read, *self.desired.problems(), *self._route_problems})

    def _ir(self) -> dict[str, Any]:
        desired = self.desired
        tables: dict[str, Mapping[Any, Any]] = {
            "hosts": {key: row.virtual_host for key, row in desired.screens.hosts.items()},
            "clusters": {row.cluster: row for row in desired.ingress.endpoints.values()},
            "certificates": {row.name: row for row in desired.ingress.certificates.values()},
            "endpoint policies": {
                key: _plain(row) | ({"entries": _plain(row.entries)} if row.entries else {})
                for key, row in desired.policy.endpoint_policies.items()
            },
            "rule sets": dict(desired.policy.rule_sets.items()),
            "load balancers": {"/".join(k): v for k, v in desired.topology.load_balancers.items()},
            "identities": dict(desired.policy.identities.items()),
            "CIDR identities": dict(desired.policy.cidr_identities.items()),
        }
        return {
            name: {key: _plain(row) for key, row in sorted(table.items())}
            for name, table in tables.items()
            if table
        }

    def _maps(self) -> dict[str, Any]:
        ids = self._ports.class_ids
        return {
            name: [
                f"{_hex(key_of(1, entry))} -> {_hex(value_of(entry, ids))}"
                for entry in policy.entries
            ]
            for name, policy in sorted(self.desired.policy.endpoint_policies.items())
        }

    def _resources(self) -> tuple[list[Resource], tuple[Problem, ...]]:
        ingress = self.desired.ingress
        rule_sets = dict(self.desired.policy.rule_sets.items())
        table = RouteTable(lambda _resource: False)
        hosts = self.desired.screens.hosts
        table.apply({host: row.virtual_host for host, row in hosts.items()})
        proxy = IngressProxy(8080, 8443, ingress.tls_hosts()[0])
        made = [clusters.cluster(row) for row in ingress.clusters.values()]
        made += [clusters.endpoints(row) for row in ingress.endpoints.values()]
        if len(ingress.hosts):
            made += [*table.collect(), *ingress_listeners(proxy)]
        made += [listeners.l7_listener(row, rule_sets) for row in self._ports.listeners()]
        if self._ports.listeners():
            made.append(clusters.original_dst_cluster())
        return sorted(made, key=lambda row: (row.type_url, row.name)), table.problems()


def _decoded(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        codec.to_json(codec.decode("google.protobuf.Any", resource.body))
    )
    return found


def _hex(fields: tuple[Any, ...]) -> str:
    return " ".join(field.hex() if isinstance(field, bytes) else str(field) for field in fields)


def _is_terse(value: Any) -> bool:
    """Tell whether a value is of a kind with so many defaults that only the rest is shown."""
    terse = {"lockgate.ir.http", "lockgate.ir.upstream"}
    return isinstance(value, Frontend | LoadBalancer) or type(value).__module__ in terse


def _plain(value: Any) -> Any:
    match value:
        case Certificate() | CertificateAuthority():
            return {"name": value.name, "origin": str(value.origin)}
        case ObjectRef():
            return str(value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            fields = {
                entry.name: getattr(value, entry.name)
                for entry in dataclass_fields(value)
                if not (_is_terse(value) and getattr(value, entry.name) == entry.default)
            }
            return {
                name: _plain(item)
                for name, item in fields.items()
                if item not in ("", ()) and name not in ("rows", "revision")
            }
        case _:
            return value
