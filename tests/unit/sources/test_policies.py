"""What policies of each kind mean in the model, above all where a slip would open a door."""

import yaml

from lockgate.model.policy import NAMESPACE_LABEL, Peers, Policy, PolicyRule
from lockgate.sources.parse import parse

WORLD = {"reserved:world": ""}
POD_A = {NAMESPACE_LABEL: "a"}
POD_B = {NAMESPACE_LABEL: "b"}


def policy(kind: str, spec: str) -> Policy:
    group = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "lockgate.io/v1"
    place = {} if "Clusterwide" in kind else {"namespace": "a"}
    metadata = {"name": "x", **place}
    document = {
        "apiVersion": group,
        "kind": kind,
        "metadata": metadata,
        "spec": yaml.safe_load(spec),
    }
    _, rows, problems = parse(document)
    assert problems == []
    assert isinstance(rows[0], Policy)
    return rows[0]


def rule(kind: str, spec: str) -> PolicyRule:
    (only,) = policy(kind, spec).rules
    return only


def selected(found: PolicyRule) -> list[bool]:
    assert found.peers is not None
    (selector,) = found.peers.selectors
    return [selector.matches(labels) for labels in (POD_A, POD_B, WORLD)]


def test_namespace_selectors_never_select_the_world() -> None:
    every = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"
    assert selected(rule("NetworkPolicy", every)) == [True, True, False]
    negative = "{matchExpressions: [{key: k, operator: NotIn, values: [v]}]}"
    not_in = "{podSelector: {}, ingress: [{from: [{namespaceSelector: %s}]}]}" % negative  # noqa: UP031  # braces
    assert selected(rule("NetworkPolicy", not_in)) == [True, True, False]


def test_a_pod_selector_alone_means_the_same_namespace() -> None:
    own = "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"
    assert selected(rule("NetworkPolicy", own)) == [True, False, False]


def test_no_peers_mean_anybody_in_a_network_policy() -> None:
    assert rule("NetworkPolicy", "{podSelector: {}, ingress: [{}]}").peers is None
    assert rule("NetworkPolicy", "{podSelector: {}, ingress: [{from: []}]}").peers is None


def test_policy_types_default_to_ingress_and_to_egress_where_there_is_some() -> None:
    plain = policy("NetworkPolicy", "{podSelector: {}}")
    assert (plain.deny_ingress, plain.deny_egress) == (True, False)
    both = policy("NetworkPolicy", "{podSelector: {}, egress: [{}]}")
    assert (both.deny_ingress, both.deny_egress) == (True, True)
    egress = policy("NetworkPolicy", "{podSelector: {}, policyTypes: [Egress]}")
    assert (egress.deny_ingress, egress.deny_egress) == (False, True)


def test_absent_and_empty_peers_differ_in_a_lockgate_policy() -> None:
    spec = "{endpointSelector: {}, ingress: [%s]}"
    kind = "LockgateNetworkPolicy"
    assert rule(kind, spec % "{}").peers == Peers()
    assert rule(kind, spec % "{fromEndpoints: []}").peers == Peers()
    assert rule(kind, spec % "{toPorts: [{ports: [{port: '80'}]}]}").peers is None
    assert selected(rule(kind, spec % "{fromEndpoints: [{}]}")) == [True, False, False]


def test_a_peer_may_name_another_namespace_but_the_subject_may_not() -> None:
    other = "{matchLabels: {'k8s:io.kubernetes.pod.namespace': b}}"
    found = policy(
        "LockgateNetworkPolicy",
        f"{{endpointSelector: {other}, ingress: [{{fromEndpoints: [{other}]}}]}}",
    )
    assert selected(found.rules[0]) == [False, True, False]
    assert not found.subject.matches(POD_B)


def test_a_clusterwide_peer_is_a_pod_of_any_namespace() -> None:
    spec = "{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}"
    assert selected(rule("LockgateClusterwideNetworkPolicy", spec)) == [True, True, False]
    reserved = "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {'reserved:world': ''}}]}]}"
    assert selected(rule("LockgateClusterwideNetworkPolicy", reserved)) == [False, False, True]
