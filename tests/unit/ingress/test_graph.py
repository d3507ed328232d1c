"""What a change recomputes: one Service among a thousand costs one cluster."""

from dataclasses import replace

from ingress.graph import IngressGraph, IngressInputs, IngressSettings
from lockgate.ir.upstream import UpstreamTls
from lockgate.model.ingress import Ingress, IngressPath, IngressRule, IngressTls, ServiceBackend
from lockgate.model.service import (
    EndpointPort,
    EndpointSlice,
    Secret,
    Service,
    ServicePort,
    SliceEndpoint,
)
from lockgate.state import Graph, Table
from tests.certificates import issue

Key = tuple[str, str]


class Inputs:
    """Declared tables and the derivations over them."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.ingresses: Table[Key, Ingress] = Table("ingresses")
        self.services: Table[Key, Service] = Table("services")
        self.slices: Table[Key, tuple[EndpointSlice, ...]] = Table("slices")
        self.secrets: Table[Key, Secret] = Table("secrets")
        self.ingress = IngressGraph(
            self.graph,
            IngressSettings(node_name="here"),
            IngressInputs(
                self.ingresses,
                Table("classes"),
                Table("parameters"),
                self.services,
                self.slices,
                self.secrets,
                Table("nodes"),
            ),
        )

    def add_host(self, number: int) -> None:
        name = f"s{number}"
        path = IngressPath("/", "Prefix", ServiceBackend(name, 80))
        rule = IngressRule(f"{name}.local", (path,))
        self.ingresses.put(("n", name), Ingress("n", name, class_name="lockgate", rules=(rule,)))
        self.services.put(("n", name), Service("n", name, ports=(ServicePort("http", 80, 80),)))
        self.slices.put(("n", name), (slice_of(name, "127.0.0.1"),))


def slice_of(service: str, address: str) -> EndpointSlice:
    return EndpointSlice(
        "n",
        service,
        service,
        ports=(EndpointPort("http", 8000),),
        endpoints=(SliceEndpoint((address,)),),
    )


def test_one_service_of_a_thousand_recomputes_one_cluster() -> None:
    inputs = Inputs()
    for number in range(1000):
        inputs.add_host(number)
    inputs.graph.tick()
    before = inputs.graph.recomputed()
    assert before["cluster endpoints"] == 1000

    port = ServicePort("http", 80, 8080)
    inputs.services.put(("n", "s7"), Service("n", "s7", ports=(port,)))
    inputs.slices.put(("n", "s7"), (slice_of("s7", "127.0.0.9"),))
    inputs.graph.tick()

    after = inputs.graph.recomputed()
    spent = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # The host that names the Service checks its port again, its cluster gets new endpoints.
    assert spent == {"hosts": 1, "cluster endpoints": 1}
    changed = [
        row for row in inputs.ingress.endpoints.values() if row.endpoints[0][0] != "127.0.0.1"
    ]
    assert [row.cluster for row in changed] == ["n/s7/80"]


def test_a_missing_secret_is_a_problem_until_it_comes() -> None:
    inputs = Inputs()
    inputs.add_host(1)
    entry = inputs.ingresses.get(("n", "s1"))
    assert entry is not None
    tls = IngressTls(("s1.local",), "cert")
    inputs.ingresses.put(
        ("n", "s1"), Ingress("n", "s1", class_name="lockgate", rules=entry.rules, tls=(tls,))
    )
    inputs.graph.tick()
    assert [problem.reason for problem in inputs.ingress.problems()] == ["SecretNotFound"]

    pair = issue("s1.local")
    data = (("tls.crt", pair.chain), ("tls.key", pair.key))
    inputs.secrets.put(("n", "cert"), Secret("n", "cert", "kubernetes.io/tls", data))
    inputs.graph.tick()
    assert inputs.ingress.problems() == []
    row = inputs.ingress.tls.get(("n", "s1"))
    assert row is not None
    assert [(use.host, use.certificate) for use in row.uses] == [("s1.local", "n/cert")]


def test_a_backend_is_shown_a_certificate_only_while_its_secret_has_one() -> None:
    inputs = Inputs()
    inputs.add_host(1)
    entry = inputs.ingresses.get(("n", "s1"))
    assert entry is not None
    said = (
        ("ingress.lockgate.io/backend-protocol", "HTTPS"),
        ("ingress.lockgate.io/backend-tls-secret", "inner"),
        ("ingress.lockgate.io/backend-tls-verify", "true"),
    )
    inputs.ingresses.put(("n", "s1"), replace(entry, annotations=said))
    inputs.graph.tick()
    [problem] = inputs.ingress.problems()
    assert (problem.reason, "nothing is sent" in problem.message) == ("SecretNotFound", True)

    pair = issue("s1.local")
    authority = ("ca.crt", pair.chain)
    for data, shown in (
        ((authority,), ""),
        ((authority, ("tls.crt", pair.chain), ("tls.key", pair.key)), "n/inner"),
        ((authority,), ""),
    ):
        inputs.secrets.put(("n", "inner"), Secret("n", "inner", "Opaque", data))
        inputs.graph.tick()
        assert inputs.ingress.problems() == []
        [row] = inputs.ingress.clusters.values()
        assert row.options.tls == UpstreamTls(authority="n/inner/ca", certificate=shown)
