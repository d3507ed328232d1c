"""Ingress and IngressClass, as far as Lockgate reads them.

Source: Kubernetes API, ``networking.k8s.io/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockgate.model.meta import Labels, ObjectRef

PathType = Literal["Exact", "Prefix", "ImplementationSpecific"]


@dataclass(frozen=True, slots=True)
class ServiceBackend:
    """A Service of the Ingress's namespace and one of its ports, by number or name."""

    service: str
    port: int | str


@dataclass(frozen=True, slots=True)
class IngressPath:
    """One path of a rule; ``number`` is where it stands in ``http.paths``."""

    path: str
    path_type: PathType
    backend: ServiceBackend | None
    """None: one that cannot be served, so that the path answers 503."""
    number: int = 0


@dataclass(frozen=True, slots=True)
class IngressRule:
    """Paths of one host; an empty host means every host."""

    host: str
    paths: tuple[IngressPath, ...]
    number: int = 0
    """Where it stands in ``spec.rules``; rules that cannot be served are left out."""


@dataclass(frozen=True, slots=True)
class IngressTls:
    """A certificate for some hosts."""

    hosts: tuple[str, ...]
    secret: str


@dataclass(frozen=True, slots=True)
class IngressClass:
    """An IngressClass; ours has the controller ``lockgate.io/ingress-controller``."""

    name: str
    controller: str
    default: bool = False
    parameters: str = ""
    """Name of a :class:`ClassParameters`, or empty."""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("IngressClass", "", self.name)


@dataclass(frozen=True, slots=True)
class ClassParameters:
    """What holds for every Ingress of a class; kind ``LockgateIngressParameters``."""

    name: str
    default_backend: tuple[str, ServiceBackend] | None = None
    """Of requests that no Ingress takes, with the Service's namespace."""
    default_certificate: tuple[str, str] | None = None
    """(namespace, name) of the Secret for TLS names that have no other."""
    annotations: Labels = ()
    """Read as if they stood in each Ingress that does not have its own."""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("LockgateIngressParameters", "", self.name)


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress."""

    namespace: str
    name: str
    class_name: str = ""
    default_backend: ServiceBackend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()
    annotations: Labels = ()
    created: str = ""
    """RFC 3339; the older of two objects wins a conflict, then the smaller name."""
    addresses: tuple[str, ...] = ()
    """What its status shows: where it is reached."""
    uid: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("Ingress", self.namespace, self.name)
