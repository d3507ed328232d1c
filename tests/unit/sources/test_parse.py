"""What is refused in a manifest, by object and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lockgate.model.policy import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, Policy
from lockgate.sources.manifests import ManifestSource, validate_files
from lockgate.sources.parse import parse


def policy(entry: str, section: str = "ingress") -> dict[str, Any]:
    text = f"""
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {{name: p, namespace: n}}
spec: {{endpointSelector: {{}}, {section}: [{entry}]}}
"""
    document: dict[str, Any] = yaml.safe_load(text)
    return document


PORTS = 'toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [%s]}}]'


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        pytest.param(
            policy("{fromEndpoint: []}"), "spec.ingress[0].fromEndpoint", "UnknownField",
            id="unknown field",
        ),
        pytest.param(
            policy('{toPorts: [{ports: [{port: "70000"}]}]}'),
            "spec.ingress[0].toPorts[0].ports[0].port", "InvalidPort",
            id="port out of range",
        ),
        pytest.param(
            policy("{toPorts: [{ports: [{port: 80}]}]}"),
            "spec.ingress[0].toPorts[0].ports[0].port", "InvalidValue",
            id="wrong type",
        ),
        pytest.param(
            policy("{" + PORTS % "{path: '/a('}" + "}"),
            "spec.ingress[0].toPorts[0].rules.http[0].path", "InvalidRegex",
            id="expression that does not compile",
        ),
        pytest.param(
            policy("{fromEndpoints: [{matchExpressions: [{key: a, operator: In}]}]}"),
            "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values", "InvalidSelector",
            id="selector without values",
        ),
        pytest.param(
            policy("{fromCIDR: [10.0.0.0/33]}"),
            "spec.ingress[0].fromCIDR[0]", "InvalidCIDR",
            id="prefix too long",
        ),
        pytest.param(
            policy("{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}]}"),
            "spec.ingress[0].fromCIDRSet[0].except[0]", "InvalidCIDR",
            id="exception outside its block",
        ),
        pytest.param(
            policy("{fromEndpoints: [{}], fromEntities: [world]}"),
            "spec.ingress[0]", "InvalidCombination",
            id="two kinds of peers in one entry",
        ),
        pytest.param(
            policy("{" + PORTS % "{method: GET}" + "}", "ingressDeny"),
            "spec.ingressDeny[0].toPorts[0].rules", "InvalidCombination",
            id="HTTP in a deny rule",
        ),
    ],
)  # fmt: skip
def test_refused(document: dict[str, Any], field: str, reason: str) -> None:
    ref, rows, problems = parse(document)
    assert str(ref) == "LockgateNetworkPolicy n/p"
    assert rows == []
    assert [(problem.field, problem.reason) for problem in problems] == [(field, reason)]
    assert problems[0].fix


def test_a_slip_in_a_name_gets_a_suggestion() -> None:
    _, _, problems = parse(policy("{fromEndpoint: []}"))
    assert problems[0].fix == "did you mean fromEndpoints?"


def test_absent_and_empty_peers_differ() -> None:
    _, (absent,), _ = parse(policy('{toPorts: [{ports: [{port: "80"}]}]}'))
    _, (empty,), _ = parse(policy("{fromEndpoints: []}"))
    assert isinstance(absent, Policy)
    assert isinstance(empty, Policy)
    assert absent.rules[0].peers is None
    assert empty.rules[0].peers is not None
    assert empty.rules[0].peers.selectors == ()


def test_a_namespaced_policy_stays_in_its_namespace_unless_it_names_another() -> None:
    _, (own,), _ = parse(policy("{fromEndpoints: [{matchLabels: {app: a}}]}"))
    other = "{fromEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': m}}]}"
    _, (named,), _ = parse(policy(other))
    for row, namespace in ((own, "n"), (named, "m")):
        assert isinstance(row, Policy)
        peers = row.rules[0].peers
        assert peers is not None
        requirement = next(r for r in peers.selectors[0].requirements if r.key == NAMESPACE_LABEL)
        assert requirement.values == (namespace,)


def test_a_network_policy_selects_namespaces_by_their_labels() -> None:
    text = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: n}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]
"""
    _, (row,), problems = parse(yaml.safe_load(text))
    assert problems == []
    assert isinstance(row, Policy)
    assert (row.deny_ingress, row.deny_egress) == (True, False)
    peers = row.rules[0].peers
    assert peers is not None
    assert [r.key for r in peers.selectors[0].requirements] == [
        f"{NAMESPACE_LABELS_PREFIX}team",
        NAMESPACE_LABEL,
    ]


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: %s}]}\n"


def test_a_broken_file_leaves_its_last_good_version_in_force(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(SERVICE % 80)
    source = ManifestSource(tmp_path)
    assert len(source.read().put) == 1

    for broken, reason in ((SERVICE % 70000, "InvalidValue"), ("a: [", "Unreadable")):
        file.write_text(broken)
        delta = source.read()
        assert (delta.put, delta.delete) == ((), ())
        (problem,) = delta.problems["s.yaml"]
        assert problem.reason == reason
        assert problem.origin.startswith("s.yaml")
        assert "line" in problem.origin

    file.write_text(SERVICE % 81)
    delta = source.read()
    assert len(delta.put) == 1
    assert delta.problems["s.yaml"] == ()


def test_validate_names_file_document_and_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(SERVICE % 80 + "---\n" + SERVICE % 0)
    (problem,) = validate_files([tmp_path])
    assert problem.origin == f"{file} document 2 line 9"
    assert problem.field == "spec.ports[0].port"


def test_a_second_declaration_of_an_object_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(SERVICE % 80)
    delta = ManifestSource(tmp_path).read()
    assert len(delta.put) == 1
    assert [problem.reason for problem in delta.problems["b.yaml"]] == ["Duplicate"]
