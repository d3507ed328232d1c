"""Who may talk to whom, read from manifests one rule at a time, as the specifications say it.

Sources: Kubernetes API ``networking.k8s.io/v1``; the fields and semantics of CiliumNetworkPolicy v2.
It shares nothing with the engine: no model, no identities, no prefixes. It is slow and plain.
"""

from __future__ import annotations

import ipaddress
from typing import Any

Doc = dict[str, Any]
NAMESPACE = "io.kubernetes.pod.namespace"


class Cluster:
    """Manifests of one moment."""

    def __init__(self, documents: list[Doc]) -> None:
        self.pods = {name(doc): doc for doc in documents if doc["kind"] == "Pod"}
        self.spaces = {
            doc["metadata"]["name"]: doc for doc in documents if doc["kind"] == "Namespace"
        }
        self.policies = [doc for doc in documents if doc["kind"].endswith("NetworkPolicy")]

    def outcome(self, source: str, destination: str, port: int, protocol: str) -> str:
        """Return allow, deny or l7 for a new connection between two pods."""
        if source == destination:
            return "allow"
        one, other = self.pods[source], self.pods[destination]
        sides = [
            self.side("egress", one, other, other, port, protocol),
            self.side("ingress", other, one, other, port, protocol),
        ]
        return max(sides, key=["allow", "l7", "deny"].index)

    def side(
        self, direction: str, here: Doc, there: Doc, server: Doc, port: int, protocol: str
    ) -> str:
        """Return what one end says."""
        closed, denied, allowed, spoken = False, False, False, False
        for policy in self.policies:
            if policy["kind"] == "NetworkPolicy":
                isolates, rules = self.kubernetes(policy, direction, here, there, server)
            else:
                isolates, rules = self.lockgate(policy, direction, here, there, server)
            closed |= isolates
            for action, ports, l7 in rules:
                if ports is not None and not any(ports_hold(one, port, protocol) for one in ports):
                    continue
                denied |= action == "deny"
                allowed |= action == "allow"
                spoken |= action == "allow" and l7
        if denied:
            return "deny"
        if spoken:
            return "l7"
        return "allow" if allowed or not closed else "deny"

    # Kubernetes.

    def kubernetes(
        self, policy: Doc, direction: str, here: Doc, there: Doc, server: Doc
    ) -> tuple[bool, list[tuple[str, list[Any] | None, bool]]]:
        spec, space = policy["spec"], policy["metadata"]["namespace"]
        if here["metadata"]["namespace"] != space:
            return False, []
        if not selects(spec["podSelector"], here["metadata"].get("labels", {})):
            return False, []
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        if direction.capitalize() not in types:
            return False, []
        found = []
        for rule in spec.get(direction, []):
            peers = rule.get("from" if direction == "ingress" else "to")
            if not peers or any(self.is_peer(peer, space, there) for peer in peers):
                found.append(("allow", kubernetes_ports(rule, server), False))
        return True, found

    def is_peer(self, peer: Doc, space: str, there: Doc) -> bool:
        if "ipBlock" in peer:
            address = ipaddress.ip_address(there["status"]["podIP"])
            block = peer["ipBlock"]
            return address in ipaddress.ip_network(block["cidr"]) and not any(
                address in ipaddress.ip_network(one) for one in block.get("except", [])
            )
        if not selects(peer.get("podSelector", {}), there["metadata"].get("labels", {})):
            return False
        theirs = there["metadata"]["namespace"]
        if "namespaceSelector" not in peer:
            return bool(theirs == space)
        return selects(peer["namespaceSelector"], self.space_labels(theirs))

    def space_labels(self, space: str) -> dict[str, str]:
        declared = self.spaces.get(space, {"metadata": {}})["metadata"].get("labels", {})
        return {"kubernetes.io/metadata.name": space, **declared}

    # Ours.

    def lockgate(
        self, policy: Doc, direction: str, here: Doc, there: Doc, server: Doc
    ) -> tuple[bool, list[tuple[str, list[Any] | None, bool]]]:
        spec = policy["spec"]
        space = policy["metadata"].get("namespace", "")
        if space and here["metadata"]["namespace"] != space:
            return False, []
        if not selects(spec["endpointSelector"], self.labels(here)):
            return False, []
        found = []
        for section, action in ((direction, "allow"), (f"{direction}Deny", "deny")):
            for entry in spec.get(section, []):
                if self.is_party(entry, direction, space, there):
                    found += lockgate_ports(entry, action, server)
        present = bool(spec.get(direction) or spec.get(f"{direction}Deny"))
        isolates = spec.get("enableDefaultDeny", {}).get(direction, present)
        return isolates, found

    def labels(self, pod: Doc) -> dict[str, str]:
        return {**pod["metadata"].get("labels", {}), NAMESPACE: pod["metadata"]["namespace"]}

    def is_party(self, entry: Doc, direction: str, space: str, there: Doc) -> bool:
        word = "from" if direction == "ingress" else "to"
        if f"{word}Endpoints" in entry:
            for selector in entry[f"{word}Endpoints"]:
                names_space = f"k8s:{NAMESPACE}" in selector.get("matchLabels", {})
                if space and not names_space and there["metadata"]["namespace"] != space:
                    continue
                if selects(selector, self.labels(there)):
                    return True
            return False
        if f"{word}Entities" in entry:
            return bool({"all", "cluster"} & set(entry[f"{word}Entities"]))
        if f"{word}CIDR" in entry or f"{word}CIDRSet" in entry:
            return False  # pods are known by who they are, not by where
        return "toPorts" in entry


def name(doc: Doc) -> str:
    return f"{doc['metadata']['namespace']}/{doc['metadata']['name']}"


def selects(selector: Doc, labels: dict[str, str]) -> bool:
    pairs = selector.get("matchLabels", {}).items()
    return all(labels.get(key.removeprefix("k8s:")) == value for key, value in pairs) and all(
        expression_holds(one, labels) for one in selector.get("matchExpressions", [])
    )


def expression_holds(expression: Doc, labels: dict[str, str]) -> bool:
    key = expression["key"].removeprefix("k8s:")
    match expression["operator"]:
        case "In":
            return labels.get(key) in expression["values"]
        case "NotIn":
            return labels.get(key) not in expression["values"]
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def named(server: Doc, wanted: str) -> list[tuple[int, str]]:
    return [
        (port["containerPort"], port.get("protocol", "TCP"))
        for container in server["spec"]["containers"]
        for port in container.get("ports", [])
        if port.get("name") == wanted
    ]


def kubernetes_ports(rule: Doc, server: Doc) -> list[Any] | None:
    if not rule.get("ports"):
        return None
    found: list[Any] = []
    for entry in rule["ports"]:
        protocol, port = entry.get("protocol", "TCP"), entry.get("port")
        if isinstance(port, str):
            found += [(n, n, p) for n, p in named(server, port) if p == protocol]
        elif port is None:
            found.append((0, 65535, protocol))
        else:
            found.append((port, entry.get("endPort", port), protocol))
    return found


def lockgate_ports(
    entry: Doc, action: str, server: Doc
) -> list[tuple[str, list[Any] | None, bool]]:
    if "toPorts" not in entry:
        return [(action, None, False)]
    found: list[tuple[str, list[Any] | None, bool]] = []
    for item in entry["toPorts"]:
        ports: list[Any] = []
        for port in item["ports"]:
            protocol = port.get("protocol", "ANY")
            if not port["port"].isdigit():
                numbers = named(server, port["port"])
                ports += [(n, n, p) for n, p in numbers if protocol in ("ANY", p)]
            elif port["port"] == "0":
                ports.append((0, 65535, protocol))
            else:
                first = int(port["port"])
                ports.append((first, port.get("endPort", first), protocol))
        found.append((action, ports, bool(item.get("rules", {}).get("http"))))
    return found


def ports_hold(ports: tuple[int, int, str], port: int, protocol: str) -> bool:
    first, last, of = ports
    return first <= port <= last and of in ("ANY", protocol)
