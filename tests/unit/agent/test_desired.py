"""A folder of a thousand Services: what one edit of one file recomputes, end to end."""

from __future__ import annotations

from pathlib import Path

from agent.desired import Desired
from agent.saved_state import SavedState
from lockgate.settings import read_settings
from lockgate.sources.manifests import ManifestSource

SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: s{n}, namespace: n}}
spec: {{clusterIP: 10.0.{high}.{low}, ports: [{{name: http, port: {port}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s{n}, namespace: n, labels: {{kubernetes.io/service-name: s{n}}}}}
addressType: IPv4
ports: [{{name: http, port: 8000}}]
endpoints: [{{addresses: [127.0.0.1]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: s{n}, namespace: n}}
spec:
  ingressClassName: lockgate
  rules:
  - host: s{n}.local
    http:
      paths:
      - {{path: /, pathType: Prefix, backend: {{service: {{name: s{n}, port: {{name: http}}}}}}}}
"""


def text(number: int, port: int) -> str:
    return SERVICE.format(n=number, high=number // 250, low=number % 250 + 1, port=port)


def test_one_edited_file_among_a_thousand_recomputes_one_cluster(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}.yaml").write_text(text(number, 80))
    desired = Desired(read_settings({}), SavedState(tmp_path / "state.json"))
    source = ManifestSource(tmp_path)
    desired.declared.put(source.read().put)
    desired.tick()
    before = desired.graph.recomputed()
    assert before["cluster endpoints"] == 1000

    (tmp_path / "7.yaml").write_text(text(7, 81))
    delta = source.read()
    assert [row.ref.name for row in delta.put if hasattr(row, "ref")] == ["s7"]
    desired.declared.put(delta.put)
    desired.tick()
    after = desired.graph.recomputed()
    spent = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert spent == {
        "services": 1,
        "slices": 1,
        "wanted frontends": 1,
        "forwarded services": 1,
        "load balancers": 1,
        "health checks": 1,
        "hosts": 1,
        "cluster endpoints": 1,
    }
