"""Which Secrets are copied, and that a change touches only the copies it is about."""

from __future__ import annotations

from typing import Any

from controllers.secret_uses import Content, SecretUses
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.sources.kube.reflector import Change
from lockgate.sources.kube.secret_copies import COPY_OF, CopiedSecrets, copy_name
from lockgate.sources.parse import parse


def read(kind: str, version: str, spec: dict[str, Any], **metadata: Any) -> list[Any]:
    document = {
        "apiVersion": version, "kind": kind, "spec": spec,
        "metadata": {"name": "a", "namespace": "shop", **metadata},
    }  # fmt: skip
    _, rows, problems = parse(document)
    assert not problems
    return rows


def ingress(annotations: dict[str, str], tls: str = "") -> Any:
    notes = {f"ingress.lockgate.io/{key}": text for key, text in annotations.items()}
    spec: dict[str, Any] = {"ingressClassName": "lockgate", "rules": []}
    if tls:
        spec["tls"] = [{"hosts": ["a.test"], "secretName": tls}]
    [row] = read("Ingress", "networking.k8s.io/v1", spec, annotations=notes)
    return row


def content(text: str) -> Content:
    return Content("Opaque", (("key", text),))


def test_every_secret_of_an_ingress_is_found() -> None:
    uses = SecretUses("lockgate")
    named = {
        "client-ca-secret": "clients", "client-certificate": "required",
        "basic-auth-secret": "users", "backend-tls-secret": "backend",
        "jwt-jwks-secret": "keys", "jwt-issuer": "https://issuer.test",
    }  # fmt: skip
    uses.ingresses.put(("shop", "a"), ingress(named, "front"))
    names = ("clients", "users", "backend", "keys", "front")
    for name in (*names, "unused"):
        uses.secrets.put(("shop", name), content(name))
    assert uses.changed() == {("shop", name) for name in names}
    assert set(uses.wanted.keys()) == {("shop", name) for name in names}


def test_secrets_of_policies_are_found() -> None:
    header = {"name": "X-Token", "secret": {"name": "token", "namespace": "vault"}}
    http = {"http": [{"headerMatches": [header]}]}
    rule = {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": http}]}
    rows = read(
        "LockgateNetworkPolicy", "lockgate.io/v1", {"endpointSelector": {}, "ingress": [rule]}
    )
    assert all(isinstance(row, Policy) for row in rows)
    uses = SecretUses("lockgate")
    uses.policies.put(ObjectRef("LockgateNetworkPolicy", "shop", "a"), tuple(rows))
    uses.secrets.put(("vault", "token"), content("t"))
    assert uses.changed() == {("vault", "token")}


def test_a_change_is_of_the_copies_it_touches() -> None:
    uses = SecretUses("lockgate")
    for number in range(50):
        uses.secrets.put(("shop", str(number)), content("1"))
    uses.ingresses.put(("shop", "a"), ingress({}, "1"))
    uses.ingresses.put(("shop", "b"), ingress({}, "2"))
    uses.changed()
    assert uses.changed() == set()
    uses.secrets.put(("shop", "3"), content("2"))
    assert uses.changed() == set()
    uses.secrets.put(("shop", "2"), content("2"))
    assert uses.changed() == {("shop", "2")}
    uses.ingresses.put(("shop", "b"), ingress({}, "3"))
    assert uses.changed() == {("shop", "2"), ("shop", "3")}
    assert uses.wanted.get(("shop", "2")) is None
    uses.ingresses.delete(("shop", "a"))
    assert uses.changed() == {("shop", "1")}


def test_values_do_not_show_in_logs() -> None:
    assert "geheim" not in repr(content("geheim"))


def copy(name: str, of: str) -> Change:
    metadata = {"namespace": "copies", "name": name, "annotations": {COPY_OF: of}}
    return Change(("copies", name), {"metadata": metadata})


def test_a_copy_is_read_as_the_secret_and_what_only_claims_to_be_one_is_not() -> None:
    copies = CopiedSecrets()
    name = copy_name(("shop", "a"))
    found = copies.original(copy(name, "shop/a"))
    assert found is not None
    assert found.key == ("shop", "a")
    assert found.document is not None
    assert found.document["metadata"]["namespace"] == "shop"
    assert copies.original(copy("mine", "shop/b")) is None
    assert copies.original(copy(name, "shop/b")) is None
    assert copies.original(copy(name, "")) is None
    assert copies.original(Change(("copies", "mine"), None)) is None
    assert copies.original(Change(("copies", name), None)) == Change(("shop", "a"), None)


def test_two_secrets_have_two_copies() -> None:
    assert copy_name(("a", "b-c")) != copy_name(("a-b", "c"))
    assert copy_name(("a", "b")) == copy_name(("a", "b"))
