"""Which Ingresses are ours, and what each says of each host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from ingress.annotations import read_options
from ingress.options import DEFAULT, Options
from lockgate.ir.http import ANY_HOST
from lockgate.model.ingress import (
    ClassParameters,
    Ingress,
    IngressClass,
    IngressTls,
    PathType,
    ServiceBackend,
)
from lockgate.model.meta import ObjectRef, Problem

CONTROLLER = "lockgate.io/ingress-controller"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_CAPTURE = re2.compile(r"\\[1-9]")
_PLAIN = re2.compile(r"[A-Za-z0-9/_~%!&,;=:@ -]*")
"""Paths that mean the same as an expression and as text; a dot is left to expressions."""


@dataclass(frozen=True, slots=True)
class HostPath:
    """One path an Ingress declares for a host; ``field`` is where it stands in the object.

    ``kind`` is what its ``pathType`` comes to: ImplementationSpecific is an RE2 expression.
    """

    host: str
    path: str
    kind: PathType
    backend: ServiceBackend | None
    field: str
    is_default: bool = False
    """Whether this is the default backend, which any rule for the same path beats."""

    @property
    def match(self) -> tuple[PathType, str]:
        """What two paths have in common when they conflict; ``/foo/`` and ``/foo`` do."""
        path = self.path.rstrip("/") if self.kind == "Prefix" else self.path
        return self.kind, path or "/"


@dataclass(frozen=True, slots=True)
class Claim:
    """An Ingress of ours, read: its paths, its TLS and what its annotations ask for."""

    ref: ObjectRef
    namespace: str
    """Of its Services and Secrets."""
    created: str
    paths: tuple[HostPath, ...]
    tls: tuple[IngressTls, ...] = ()
    options: Options = DEFAULT
    default_certificate: tuple[str, str] | None = None
    """Of its class: (namespace, name) of a Secret."""
    problems: tuple[Problem, ...] = ()

    @property
    def age(self) -> tuple[bool, str, ObjectRef]:
        """Order in which claims win a conflict: the oldest, then the smallest name; classes last."""
        return self.ref.kind != "Ingress", self.created, self.ref

    def hosts(self) -> set[str]:
        """Return the hosts it says something about."""
        return {path.host for path in self.paths}


def class_of(
    ingress: Ingress, our_class: str, classes: Iterable[IngressClass]
) -> IngressClass | None:
    """Return the class of ours that an Ingress is of, or None if it is not for us.

    The legacy annotation counts before ``spec.ingressClassName``. Without either, the class that
    is marked as default decides. The class named ``our_class`` is ours even if nobody declared it.
    """
    name = dict(ingress.annotations).get(CLASS_ANNOTATION) or ingress.class_name
    named = {entry.name: entry for entry in classes}
    ours = {key: entry for key, entry in named.items() if entry.controller == CONTROLLER}
    if name in ours:
        return ours[name]
    if name:
        return IngressClass(name, CONTROLLER) if name == our_class and name not in named else None
    return min(
        (row for row in ours.values() if row.default), key=lambda row: row.name, default=None
    )


def claim(ingress: Ingress, parameters: ClassParameters | None) -> Claim:
    """Return what an Ingress of ours says."""
    defaults = dict(parameters.annotations) if parameters else {}
    options, problems = read_options(ingress, defaults)
    return Claim(
        ingress.ref,
        ingress.namespace,
        ingress.created,
        tuple(_paths(ingress, options)),
        ingress.tls,
        options,
        parameters.default_certificate if parameters else None,
        problems,
    )


def class_claim(entry: IngressClass, parameters: ClassParameters | None) -> Claim | None:
    """Return what a class says of requests that no Ingress takes; None if it says nothing."""
    if not entry.parameters or entry.controller != CONTROLLER:
        return None
    if parameters is None:
        return Claim(entry.ref, "", "", (), problems=(_no_parameters(entry),))
    if parameters.default_backend is None:
        return None
    namespace, backend = parameters.default_backend
    path = HostPath(ANY_HOST, "/", "Prefix", backend, "spec.defaultBackend", is_default=True)
    return Claim(parameters.ref, namespace, "", (path,))


def _no_parameters(entry: IngressClass) -> Problem:
    return Problem(
        entry.ref,
        "spec.parameters.name",
        "ParametersNotFound",
        f"there is no LockgateIngressParameters {entry.parameters}; "
        "the class's Ingresses are served without its defaults",
        "create it, or correct the name",
    )


def _paths(ingress: Ingress, options: Options) -> Iterator[HostPath]:
    for rule in ingress.rules:
        for path in rule.paths:
            field = f"spec.rules[{rule.number}].http.paths[{path.number}]"
            kind, text = _kind(path.path_type, path.path or "/", options)
            yield HostPath(rule.host or ANY_HOST, text, kind, path.backend, field)
    if ingress.default_backend is not None:
        backend, field = ingress.default_backend, "spec.defaultBackend"
        hosts = {rule.host or ANY_HOST for rule in ingress.rules} | {ANY_HOST}
        # What no path of its own hosts takes is for the default backend too.
        for host in sorted(hosts):
            yield HostPath(host, "/", "Prefix", backend, field, is_default=True)


def _group(path: str) -> str:
    """Return an expression as one part of another; what is none by itself stays to be refused."""
    try:
        re2.compile(path)
    except re2.error:
        return path
    return f"(?:{path})"


def _kind(declared: PathType, path: str, options: Options) -> tuple[PathType, str]:
    captures = options.rewrite is not None and bool(_CAPTURE.search(options.rewrite))
    if options.use_regex or (captures and declared != "Exact"):
        return "ImplementationSpecific", f"(?i){_group(path)}.*"
    if declared == "ImplementationSpecific" and _PLAIN.fullmatch(path):
        return "Prefix", path
    return declared, path
