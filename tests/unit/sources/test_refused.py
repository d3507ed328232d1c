"""Each kind of bad input is refused by object and field, with a fix."""

import datetime as dt

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from lockgate.model.ingress import Ingress
from lockgate.sources.parse import parse

LNP = """
apiVersion: lockgate.io/v1
kind: LockgateNetworkPolicy
metadata: {name: x, namespace: a}
spec:
  endpointSelector: {}
"""
NP = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x, namespace: a}
spec:
  podSelector: {}
"""
SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [%s]}}"
POD = "{apiVersion: v1, kind: Pod, metadata: %s, spec: {containers: [{name: c}]%s}}"
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: x}
spec: {rules: [{host: %s, http: {paths: [{path: %s, pathType: Prefix,
  backend: {service: {name: s, port: %s}}}]}}]}
"""
RESOURCE = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: x}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix,
  backend: {resource: {apiGroup: g, kind: Bucket, name: b}}}]}}]}
"""
HTTP = "  ingress: [{toPorts: [{ports: [{port: '80', protocol: %s}], rules: {http: [%s]}}]}]"
PORT = "  ingress: [{toPorts: [{ports: [%s]}]}]"
PORT_FIELD = "spec.ingress[0].toPorts[0].ports[0]"
HTTP_FIELD = "spec.ingress[0].toPorts[0].rules.http[0]"


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        pytest.param(POD % ("{name: x, lables: {}}", ""), "metadata.lables", "UnknownField", id="metadata"),
        pytest.param(POD % ("{name: x}", ", volume: []"), "spec.volume", "UnknownField", id="field"),
        pytest.param(POD % ("{name: x, labels: {v: 1}}", ""), "metadata.labels.v", "InvalidValue", id="type"),
        pytest.param(SERVICE % "{port: 80, targetPort: 70000}", "spec.ports[0].targetPort", "InvalidPort", id="target port"),
        pytest.param(SERVICE % "{port: 80, targetPort: a_b}", "spec.ports[0].port", "InvalidPort", id="target port name"),
        pytest.param(SERVICE % "{port: 80}, {port: 81, name: b}", "spec.ports[0].name", "MissingField", id="unnamed port"),
        pytest.param(SERVICE % "{port: 80, name: b}, {port: 81, name: b}", "spec.ports[1].name", "Duplicate", id="port name twice"),
        pytest.param(SERVICE.replace("{ports", "{clusterIP: 10.0.0, ports") % "{port: 80}", "spec.clusterIP", "InvalidAddress", id="cluster IP"),
        pytest.param("{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: c}]}, status: {podIP: x}}", "status.podIP", "InvalidAddress", id="pod IP"),
        pytest.param(POD % ("{name: x, labels: {v: 'a b'}}", ""), "metadata.labels.v", "InvalidSelector", id="label value"),
        pytest.param(SERVICE % "{port: 65536}", "spec.ports[0].port", "InvalidValue", id="port"),
        pytest.param(NP + "  ingress: [{ports: [{port: 70000}]}]", "spec.ingress[0].ports[0].port", "InvalidPort", id="np port"),
        pytest.param(NP + "  ingress: [{ports: [{endPort: 9}]}]", "spec.ingress[0].ports[0].endPort", "InvalidPort", id="range without start"),
        pytest.param(LNP + PORT % "{port: '65536'}", PORT_FIELD + ".port", "InvalidPort", id="lnp port"),
        pytest.param(LNP + PORT % "{port: '²'}", PORT_FIELD + ".port", "InvalidPort", id="odd digit"),
        pytest.param(LNP + PORT % "{port: http, endPort: 9}", PORT_FIELD + ".endPort", "InvalidPort", id="range from a name"),
        pytest.param(LNP + PORT % "{port: '9', endPort: 8}", PORT_FIELD + ".endPort", "InvalidPort", id="backward range"),
        pytest.param(LNP + HTTP % ("TCP", "{path: '(['}"), HTTP_FIELD + ".path", "InvalidRegex", id="regex"),
        pytest.param(LNP + HTTP % ("TCP", "{path: '(?=a)'}"), HTTP_FIELD + ".path", "InvalidRegex", id="look-ahead"),
        pytest.param(LNP + HTTP % ("TCP", "{headers: ['A b: c']}"), HTTP_FIELD + ".headers", "InvalidHeader", id="header"),
        pytest.param(LNP + HTTP % ("UDP", "{path: /}"), PORT_FIELD, "InvalidCombination", id="http over udp"),
        pytest.param(LNP + "  ingress: [{fromCIDR: [10.0.0.0/33]}]", "spec.ingress[0].fromCIDR[0]", "InvalidCIDR", id="cidr"),
        pytest.param(LNP + "  ingress: [{fromEntities: [moon]}]", "spec.ingress[0].fromEntities[0]", "InvalidValue", id="entity"),
        pytest.param(LNP + "  ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: In}]}]}]", "spec.ingress[0].fromEndpoints[0].matchExpressions[0].values", "InvalidSelector", id="no values"),
        pytest.param(LNP + "  ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: Has}]}]}]", "spec.ingress[0].fromEndpoints[0].matchExpressions[0].operator", "InvalidValue", id="operator"),
        pytest.param(LNP + "  ingress: [{fromEndpoints: [{matchLabels: {'a b': c}}]}]", "spec.ingress[0].fromEndpoints[0].matchLabels.a b", "InvalidSelector", id="label key"),
        pytest.param(NP + "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}]", "spec.ingress[0].from[0].ipBlock.except[0]", "InvalidCIDR", id="except"),
        pytest.param("{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: 'é'}}", "data.a", "InvalidValue", id="base64"),
        pytest.param("{apiVersion: v1beta1, kind: Pod, metadata: {name: x}}", "apiVersion", "UnknownVersion", id="version"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_field(text: str, field: str, reason: str) -> None:
    ref, rows, problems = parse(yaml.safe_load(text))
    assert rows == []
    assert [(problem.field, problem.reason) for problem in problems] == [(field, reason)]
    assert problems[0].ref == ref
    assert problems[0].message
    assert problems[0].fix


def test_a_slip_in_a_name_is_answered_with_the_name_meant() -> None:
    _, _, problems = parse(yaml.safe_load(POD % ("{name: x, lables: {}}", "")))
    assert problems[0].fix == "did you mean labels?"


def test_an_unread_kind_is_no_error() -> None:
    _, rows, problems = parse({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    assert rows == []
    assert [problem.reason for problem in problems] == ["IgnoredKind"]


def test_null_is_a_field_not_given() -> None:
    _, rows, problems = parse(yaml.safe_load(NP + "  ingress:\n  egress: null"))
    assert problems == []
    assert len(rows) == 1


def key_pair() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(start).not_valid_after(start.replace(year=2044))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.decode(), pem.decode()


def tls_problems(data: dict[str, str]) -> list[tuple[str, str]]:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    _, rows, problems = parse({**secret, "type": "kubernetes.io/tls", "stringData": data})
    assert bool(rows) != bool(problems)
    return [(problem.field, problem.reason) for problem in problems]


def test_a_tls_secret_needs_a_certificate_and_its_own_key() -> None:
    certificate, key = key_pair()
    _, other = key_pair()
    assert tls_problems({"tls.crt": certificate, "tls.key": key}) == []
    assert tls_problems({"tls.crt": certificate}) == [("data.tls.key", "MissingField")]
    assert tls_problems({"tls.key": key}) == [("data.tls.crt", "MissingField")]
    assert tls_problems({"tls.crt": "x", "tls.key": key}) == [
        ("data.tls.crt", "InvalidCertificate")
    ]
    assert tls_problems({"tls.crt": certificate, "tls.key": "x"}) == [
        ("data.tls.key", "InvalidKey")
    ]
    wrong = tls_problems({"tls.crt": certificate, "tls.key": other})
    assert wrong == [("data.tls.key", "KeyMismatch")]


@pytest.mark.parametrize(
    ("text", "field", "reason", "paths"),
    [
        pytest.param(INGRESS % ("A_b", "/", "{number: 1}"), "spec.rules[0].host", "InvalidHost", 0, id="host"),
        pytest.param(INGRESS % ("a.b", "x", "{number: 1}"), "spec.rules[0].http.paths[0].path", "InvalidPath", 0, id="path"),
        pytest.param(INGRESS % ("a.b", "/", "{}"), "spec.rules[0].http.paths[0].backend.service.port", "InvalidValue", 1, id="backend port"),
        pytest.param(RESOURCE, "spec.rules[0].http.paths[0].backend", "UnsupportedBackend", 1, id="resource"),
        pytest.param(INGRESS % ("a.b", "'/\t'", "{number: 1}"), "spec.rules[0].http.paths[0].path", "InvalidPath", 0, id="control"),
    ],
)  # fmt: skip
def test_a_part_of_an_ingress_is_left_out_by_itself(
    text: str, field: str, reason: str, paths: int
) -> None:
    _, [row], problems = parse(yaml.safe_load(text))
    assert isinstance(row, Ingress)
    found = [path.backend for rule in row.rules for path in rule.paths]
    assert found == [None] * paths
    assert [(problem.field, problem.reason) for problem in problems] == [(field, reason)]
    assert problems[0].fix
