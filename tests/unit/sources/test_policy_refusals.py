"""Every combination that CiliumNetworkPolicy refuses is refused here, by field and reason."""

from typing import Any

import pytest
import yaml

from lockgate.model.policy import CidrBlock, Policy
from lockgate.sources.parse import parse

COMBINATION, VALUE, NAME = "InvalidCombination", "InvalidValue", "InvalidName"
PORT_80 = "ports: [{port: '80', protocol: TCP}]"


def document(spec: str, kind: str = "LockgateNetworkPolicy") -> dict[str, Any]:
    text = f"""
apiVersion: {"cilium.io/v2" if kind.startswith("Cilium") else "lockgate.io/v1"}
kind: {kind}
metadata: {{name: x}}
spec: {{{spec}}}
"""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def allow(entry: str, section: str = "ingress") -> str:
    return f"endpointSelector: {{}}, {section}: [{entry}]"


def ports(item: str, section: str = "ingress") -> str:
    return allow("{toPorts: [{" + item + "}]}", section)


IN, OUT = "spec.ingress[0]", "spec.egress[0]"
PORTS_IN, PORTS_OUT = f"{IN}.toPorts[0]", f"{OUT}.toPorts[0]"
MANY = ", ".join("{port: '1'}" for _ in range(41))
MANY_ICMP = ", ".join("{type: 8}" for _ in range(41))


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ("endpointSelector: {}", "spec", "MissingField"),
        ("endpointSelector: {}, ingress: []", "spec", "MissingField"),
        ("ingress: [{}]", "spec", COMBINATION),
        ("endpointSelector: {}, nodeSelector: {}, ingress: [{}]", "spec", COMBINATION),
        ("nodeSelector: {}, ingress: [{}]", "spec.nodeSelector", COMBINATION),
        (allow("{fromEndpoints: [], fromCIDR: []}"), IN, COMBINATION),
        (allow("{fromEntities: [host], fromNodes: []}"), IN, COMBINATION),
        (allow("{toServices: [], toFQDNs: []}", "egress"), OUT, COMBINATION),
        (allow("{fromRequires: [{}]}"), f"{IN}.fromRequires", VALUE),
        (allow("{fromGroups: []}"), f"{IN}.fromGroups", "NotSupported"),
        (allow("{toFQDNs: [{matchName: a.b}]}"), f"{IN}.toFQDNs", "UnknownField"),
        (allow("{fromCIDRSet: [{}]}"), f"{IN}.fromCIDRSet[0]", COMBINATION),
        (allow("{fromCIDRSet: [{cidr: 10.0.0.0/8, cidrGroupRef: a}]}"), f"{IN}.fromCIDRSet[0]", COMBINATION),
        (allow("{fromCIDRSet: [{cidrGroupRef: a, except: [10.0.0.0/8]}]}"), f"{IN}.fromCIDRSet[0].except", COMBINATION),
        (allow("{fromCIDRSet: [{cidr: 10.0.0.1}]}"), f"{IN}.fromCIDRSet[0].cidr", "InvalidCIDR"),
        (allow("{fromCIDRSet: [{cidr: 10.0.0.0/8, except: ['fd00::/8']}]}"), f"{IN}.fromCIDRSet[0].except[0]", "InvalidCIDR"),
        (allow("{toFQDNs: [{}]}", "egress"), f"{OUT}.toFQDNs[0]", COMBINATION),
        (allow("{toFQDNs: [{matchName: a, matchPattern: b}]}", "egress"), f"{OUT}.toFQDNs[0]", COMBINATION),
        (allow("{toFQDNs: [{matchName: 'a*'}]}", "egress"), f"{OUT}.toFQDNs[0].matchName", NAME),
        (allow("{toFQDNs: [{matchPattern: 'a b'}]}", "egress"), f"{OUT}.toFQDNs[0].matchPattern", NAME),
        (allow("{toFQDNs: [{matchName: " + "a" * 256 + "}]}", "egress"), f"{OUT}.toFQDNs[0].matchName", VALUE),
        (allow("{toServices: [{}]}", "egress"), f"{OUT}.toServices[0]", COMBINATION),
        (ports(f"ports: [{MANY}]"), f"{PORTS_IN}.ports", VALUE),
        (ports("ports: [{port: '1', protocol: GRE}]"), f"{PORTS_IN}.ports[0].protocol", VALUE),
        (ports(PORT_80 + ", rules: {http: [{}], kafka: [{}]}"), f"{PORTS_IN}.rules", COMBINATION),
        (ports(PORT_80 + ", rules: {l7proto: a}"), f"{PORTS_IN}.rules.l7proto", "NotSupported"),
        (ports(PORT_80 + ", listener: {name: a}"), f"{PORTS_IN}.listener", "NotSupported"),
        (ports("ports: [{port: '80'}], rules: {http: [{}]}"), f"{PORTS_IN}.ports[0]", COMBINATION),
        (ports("ports: [{port: '0', protocol: TCP}], rules: {http: [{}]}"), f"{PORTS_IN}.ports[0]", COMBINATION),
        (ports("ports: [{port: '9', protocol: UDP}], rules: {kafka: [{}]}"), f"{PORTS_IN}.ports[0]", COMBINATION),
        (ports("rules: {http: [{}]}"), f"{PORTS_IN}.ports", "MissingField"),
        (ports(PORT_80 + ", rules: {kafka: [{role: produce, apiKey: fetch}]}"), f"{PORTS_IN}.rules.kafka[0]", COMBINATION),
        (ports(PORT_80 + ", rules: {kafka: [{role: eat}]}"), f"{PORTS_IN}.rules.kafka[0].role", VALUE),
        (ports(PORT_80 + ", rules: {kafka: [{apiKey: eat}]}"), f"{PORTS_IN}.rules.kafka[0].apiKey", VALUE),
        (ports(PORT_80 + ", rules: {kafka: [{apiVersion: '32768'}]}"), f"{PORTS_IN}.rules.kafka[0].apiVersion", VALUE),
        (ports(PORT_80 + ", rules: {kafka: [{topic: 'a b'}]}"), f"{PORTS_IN}.rules.kafka[0].topic", VALUE),
        (ports("ports: [{port: '53'}], rules: {dns: [{matchName: a.b}]}"), f"{PORTS_IN}.rules.dns", COMBINATION),
        (ports("ports: [{port: '53', endPort: 54}], rules: {dns: [{matchName: a.b}]}", "egress"), f"{PORTS_OUT}.ports[0]", COMBINATION),
        (ports("rules: {dns: [{matchName: a.b}]}", "egress"), f"{PORTS_OUT}.ports", "MissingField"),
        (ports(PORT_80 + ", serverNames: [a.b], rules: {http: [{}]}"), f"{PORTS_IN}.serverNames", COMBINATION),
        (ports(PORT_80 + ", serverNames: ['a b']"), f"{PORTS_IN}.serverNames[0]", NAME),
        (ports(PORT_80 + ", rules: {http: [{headerMatches: [{name: 'a b'}]}]}"), f"{PORTS_IN}.rules.http[0].headerMatches[0].name", "InvalidHeader"),
        (ports(PORT_80 + ", rules: {http: [{headerMatches: [{name: a, mismatch: ADD}]}]}"), f"{PORTS_IN}.rules.http[0].headerMatches[0]", "MissingField"),
        (ports(PORT_80 + ", rules: {http: [{headerMatches: [{name: a, mismatch: ADD, value: '%PER_REQUEST_STATE(a)%'}]}]}"), f"{PORTS_IN}.rules.http[0].headerMatches[0].value", "InvalidHeader"),
        (ports(PORT_80 + ", rules: {http: [{path: '(['}]}"), f"{PORTS_IN}.rules.http[0].path", "InvalidRegex"),
        (allow("{icmps: [{fields: [{type: 8}]}], toPorts: [{" + PORT_80 + "}]}"), IN, COMBINATION),
        (allow("{icmps: [{fields: [{type: Hello}]}]}"), f"{IN}.icmps[0].fields[0].type", VALUE),
        (allow("{icmps: [{fields: [{type: 256}]}]}"), f"{IN}.icmps[0].fields[0].type", VALUE),
        (allow("{icmps: [{fields: [" + MANY_ICMP + "]}]}"), f"{IN}.icmps[0].fields", VALUE),
        (allow("{authentication: {mode: maybe}}"), f"{IN}.authentication.mode", VALUE),
        (ports(PORT_80 + ", rules: {http: [{}]}", "ingressDeny"), "spec.ingressDeny[0].toPorts[0].rules", COMBINATION),
        (allow("{toFQDNs: [{matchName: a}]}", "egressDeny"), "spec.egressDeny[0].toFQDNs", COMBINATION),
        (allow("{authentication: {mode: required}}", "ingressDeny"), "spec.ingressDeny[0].authentication", COMBINATION),
        (allow("{}") + ", log: {value: " + "a" * 33 + "}", "spec.log.value", VALUE),
        (allow("{}") + ", enableDefaultDeny: {in: true}", "spec.enableDefaultDeny.in", "UnknownField"),
    ],
)  # fmt: skip
def test_refused(spec: str, field: str, reason: str) -> None:
    ref, rows, problems = parse(document(spec))
    assert rows == []
    assert [(problem.field, problem.reason) for problem in problems] == [(field, reason)]
    assert problems[0].ref == ref
    assert problems[0].fix


def test_a_policy_of_nodes_has_no_http() -> None:
    spec = "nodeSelector: {}, ingress: [{toPorts: [{" + PORT_80 + ", rules: {http: [{}]}}]}]"
    _, _, (problem,) = parse(document(spec, "LockgateClusterwideNetworkPolicy"))
    assert (problem.field, problem.reason) == (PORTS_IN, COMBINATION)


def test_a_cluster_wide_policy_is_in_no_namespace() -> None:
    found = document(allow("{}"), "LockgateClusterwideNetworkPolicy")
    found["metadata"]["namespace"] = "a"
    _, rows, (problem,) = parse(found)
    assert rows == []
    assert problem.field == "metadata.namespace"


def test_the_reference_s_own_kinds_are_read_where_asked_for() -> None:
    found = document(allow("{fromEntities: [host]}"), "CiliumNetworkPolicy")
    _, rows, (problem,) = parse(found)
    assert (rows, problem.reason) == ([], "IgnoredKind")
    _, (policy,), problems = parse(found, compat_cilium=True)
    assert isinstance(policy, Policy)
    assert policy.ref.kind == "CiliumNetworkPolicy"
    assert not problems


def test_only_an_ip_block_of_kubernetes_means_pods() -> None:
    _, (ours,), _ = parse(document(allow("{fromCIDRSet: [{cidr: 10.0.0.0/8}]}")))
    network_policy = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}
"""
    _, (theirs,), _ = parse(yaml.safe_load(network_policy))
    assert isinstance(ours, Policy)
    assert isinstance(theirs, Policy)
    peers = [policy.rules[0].peers for policy in (ours, theirs)]
    assert [one and one.cidrs for one in peers] == [
        (CidrBlock("10.0.0.0/8"),), (CidrBlock("10.0.0.0/8", pods=True),)
    ]  # fmt: skip
