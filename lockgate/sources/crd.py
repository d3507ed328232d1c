"""CustomResourceDefinitions, generated from the schemas that manifests are read with.

Source: Kubernetes API, ``apiextensions.k8s.io/v1``; a schema there is structural: no references,
no null, and unions only of what differs in value.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from lockgate.sources.address_pools import AddressPoolSpec
from lockgate.sources.policy_schema import CidrGroupSpec, LockgatePolicySpec
from lockgate.sources.published_schema import EndpointStatus, IdentityStatus, NodeStatus
from lockgate.sources.schema import IngressParametersSpec

GROUP, VERSION = "lockgate.io", "v1"
SCHEMA_VERSION = "lockgate.io/schema-version"
"""Annotation of a definition: which of two is the newer."""
NUMBER = 1
"""Of these schemas; one more whenever an object that was taken before would be refused, or the
other way round."""
_KEPT = frozenset({
    "type", "properties", "required", "items", "enum", "pattern", "description", "format",
    "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
    "additionalProperties", "x-kubernetes-int-or-string",
})  # fmt: skip
_MOST_SPECS = 256
_CONDITIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                "properties": {
                    "type": {"type": "string"},
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "reason": {"type": "string"},
                    "message": {"type": "string"},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                    "lastTransitionTime": {"type": "string", "format": "date-time"},
                },
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What the schema cannot say, as a CEL expression."""

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ours."""

    name: str
    plural: str
    short: str
    namespaced: bool
    spec: type[BaseModel]
    many: bool
    rules: tuple[Rule, ...] = ()
    published: bool = False
    """Written by Lockgate for others to read: ``spec`` is then what its ``status`` holds."""
    columns: tuple[tuple[str, str], ...] = (
        ("Valid", ".status.conditions[?(@.type=='Valid')].status"),
    )
    """What ``kubectl get`` shows: headings, and where the text is."""


_SUBJECT = "has(self.endpointSelector) != has(self.nodeSelector)"
_SECTIONS = " || ".join(
    f"(has(self.{name}) && size(self.{name}) > 0)"
    for name in ("ingress", "ingressDeny", "egress", "egressDeny")
)
_POLICY_RULES = (
    Rule(_SUBJECT, "exactly one of endpointSelector and nodeSelector is needed"),
    Rule(_SECTIONS, "at least one of ingress, ingressDeny, egress and egressDeny is needed"),
)
_NAMESPACED = Rule("!has(self.nodeSelector)", "a namespaced policy selects no nodes")
_ADDRESS_RULES = (
    Rule(
        "(has(self.cidrs) && size(self.cidrs) > 0) || (has(self.ranges) && size(self.ranges) > 0)",
        "at least one of cidrs and ranges is needed",
    ),
    Rule(
        "!has(self.cidrs) || self.cidrs.all(one, isCIDR(one) || isIP(one))",
        "cidrs are written as ADDRESS/LENGTH, such as 192.0.2.0/24",
    ),
    Rule(
        "!has(self.ranges) || self.ranges.all(one, isIP(one.start) && isIP(one.stop) &&"
        " ip(one.start).family() == ip(one.stop).family())",
        "start and stop of a range are addresses of one IP family",
    ),
)
KINDS = (
    Kind(
        "LockgateNetworkPolicy", "lockgatenetworkpolicies", "lnp", True, LockgatePolicySpec, True,
        (*_POLICY_RULES, _NAMESPACED),
    ),
    Kind(
        "LockgateClusterwideNetworkPolicy", "lockgateclusterwidenetworkpolicies", "lcnp", False,
        LockgatePolicySpec, True, _POLICY_RULES,
    ),
    Kind("LockgateCIDRGroup", "lockgatecidrgroups", "lcg", False, CidrGroupSpec, False),
    Kind(
        "LockgateIngressParameters", "lockgateingressparameters", "lip", False,
        IngressParametersSpec, False,
    ),
    Kind(
        "LockgateAddressPool", "lockgateaddresspools", "lap", False, AddressPoolSpec, False,
        _ADDRESS_RULES,
    ),
    Kind(
        "LockgateEndpoint", "lockgateendpoints", "lep", True, EndpointStatus, False,
        published=True,
        columns=(
            ("Identity", ".status.identity"), ("Address", ".status.addresses[0]"),
            ("Node", ".status.node"), ("Ingress", ".status.policy.ingressEnforced"),
            ("Egress", ".status.policy.egressEnforced"),
        ),
    ),
    Kind(
        "LockgateIdentity", "lockgateidentities", "lid", False, IdentityStatus, False,
        published=True, columns=(),
    ),
    Kind(
        "LockgateNode", "lockgatenodes", "lnode", False, NodeStatus, False,
        published=True,
        columns=(
            ("Address", ".status.addresses[0]"), ("Pod CIDR", ".status.podCIDRs[0]"),
            ("Version", ".status.version"),
        ),
    ),
)  # fmt: skip


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "annotations": {SCHEMA_VERSION: str(NUMBER)},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["lockgate"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    # Of what is published one write is enough.
                    **({} if kind.published else {"subresources": {"status": {}}}),
                    "additionalPrinterColumns": [
                        *(
                            {"name": name, "type": "string", "jsonPath": path}
                            for name, path in kind.columns
                        ),
                        {
                            "name": "Age",
                            "type": "date",
                            "jsonPath": ".metadata.creationTimestamp",
                        },
                    ],
                    "schema": {"openAPIV3Schema": _object_schema(kind)},
                }
            ],
        },
    }


def _object_schema(kind: Kind) -> dict[str, Any]:
    schema = kind.spec.model_json_schema(by_alias=True)
    spec = structural(schema, schema.get("$defs", {}))
    if kind.rules:
        spec["x-kubernetes-validations"] = [
            {"rule": rule.rule, "message": rule.message} for rule in kind.rules
        ]
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **({"status": spec} if kind.published else {"spec": spec, "status": _CONDITIONS}),
    }
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if not kind.many:
        return {**found, "required": ["status" if kind.published else "spec"]}
    # Bounded, or the cost of its rules would be beyond what the API server allows.
    properties["specs"] = {"type": "array", "maxItems": _MOST_SPECS, "items": spec}
    found["x-kubernetes-validations"] = [
        {"rule": "has(self.spec) || has(self.specs)", "message": "spec or specs is needed"}
    ]
    return found


def structural(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema of pydantic's as a structural one, references put in place."""
    if "$ref" in schema:
        schema = {**known[schema["$ref"].rpartition("/")[2]], **schema}
    if "anyOf" in schema:
        return _union(schema, known)
    found = {key: value for key, value in schema.items() if key in _KEPT}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if "properties" in found:
        found["properties"] = {
            name: structural(entry, known) for name, entry in found["properties"].items()
        }
        found.pop("additionalProperties", None)
    elif isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = structural(found["additionalProperties"], known)
    if "items" in found:
        # Of a list that must be empty nothing is known of the items.
        found["items"] = structural(found["items"], known) or {"type": "object"}
    if "type" not in found and "enum" not in found:
        found["x-kubernetes-preserve-unknown-fields"] = True
    return found


def _union(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a union: of one thing and null that thing, of number and text both."""
    members = [entry for entry in schema["anyOf"] if entry.get("type") != "null"]
    if len(members) == 1:
        return structural(members[0], known)
    return {"x-kubernetes-int-or-string": True}


def write(folder: Path) -> None:
    """Write a file for each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        path = folder / f"{kind.plural}.yaml"
        path.write_text(text_of(kind))


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # the base's name and type
        """Write everything out: an anchor would be a riddle to a reader."""
        del data
        return True


def text_of(kind: Kind) -> str:
    """Return a definition as YAML."""
    return yaml.dump(definition(kind), Dumper=_Dumper, sort_keys=False, width=100)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
