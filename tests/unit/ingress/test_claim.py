"""How declared paths are read."""

from __future__ import annotations

import pytest
import re2

from ingress.claim import claim
from lockgate.model.ingress import Ingress, IngressPath, IngressRule, ServiceBackend


@pytest.mark.parametrize(
    ("path", "taken", "left"),
    [
        ("/a", ["/a", "/A/x"], ["/b"]),
        ("/a|/b", ["/a", "/a/x", "/b", "/b/x"], ["/c", "/c/a"]),
        ("/(a|b)/", ["/a/", "/b/x"], ["/c/"]),
    ],
)
def test_an_expression_is_one_whatever_it_holds(
    path: str, taken: list[str], left: list[str]
) -> None:
    backend = ServiceBackend("web", 80)
    rule = IngressRule("shop.test", (IngressPath(path, "ImplementationSpecific", backend),))
    said = (("nginx.ingress.kubernetes.io/use-regex", "true"),)
    made = claim(
        Ingress("shop", "web", class_name="lockgate", rules=(rule,), annotations=said), None
    )
    [(kind, expression)] = [one.match for one in made.paths]
    assert kind == "ImplementationSpecific"
    assert [one for one in [*taken, *left] if re2.fullmatch(expression, one)] == taken
