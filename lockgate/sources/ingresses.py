"""Ingresses, IngressClasses and their parameters.

A rule, path or backend that cannot be served is left out by itself, as only objects in folders
have such: the API server refuses most of them.
"""

from __future__ import annotations

import re

from lockgate.model.ingress import (
    ClassParameters,
    Ingress,
    IngressClass,
    IngressPath,
    IngressRule,
    IngressTls,
    ServiceBackend,
)
from lockgate.model.meta import labels_of
from lockgate.sources import schema
from lockgate.sources.fields import RE2_FIX, Reading, regex_fault

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
PARAMETERS = ("lockgate.io", "LockgateIngressParameters")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123
_MAX_PATH = 4096


def read_ingress_class(read: Reading, view: schema.IngressClassObject) -> list[IngressClass]:
    """Read an IngressClass."""
    default = view.metadata.annotations.get(DEFAULT_CLASS) == "true"
    parameters = view.spec.parameters
    name = ""
    if parameters is not None:
        if (parameters.api_group, parameters.kind) == PARAMETERS:
            name = parameters.name
        elif view.spec.controller == "lockgate.io/ingress-controller":
            read.leave_out(
                "spec.parameters", "UnknownParameters",
                f"parameters of kind {parameters.api_group}/{parameters.kind} are not read",
                "use kind LockgateIngressParameters of lockgate.io",
            )  # fmt: skip
    return [IngressClass(view.metadata.name, view.spec.controller, default, name)]


def read_class_parameters(
    _read: Reading, view: schema.IngressParametersObject
) -> list[ClassParameters]:
    """Read what holds for all Ingresses of a class."""
    backend, certificate = view.spec.default_backend, view.spec.default_certificate
    return [
        ClassParameters(
            view.metadata.name,
            (backend.namespace, ServiceBackend(backend.name, _port(backend.port)))
            if backend
            else None,
            (certificate.namespace, certificate.name) if certificate else None,
            labels_of(view.spec.annotations),
        )
    ]


def read_ingress(read: Reading, view: schema.IngressObject) -> list[Ingress]:
    """Read an Ingress."""
    spec = view.spec
    rules = (_rule(read, rule, number) for number, rule in enumerate(spec.rules))
    default = spec.default_backend
    return [
        Ingress(
            view.metadata.namespace,
            view.metadata.name,
            spec.ingress_class_name,
            _backend(read, default, "spec.defaultBackend") if default else None,
            tuple(rule for rule in rules if rule is not None),
            tuple(
                IngressTls(_tls_hosts(read, entry, number), entry.secret_name)
                for number, entry in enumerate(spec.tls)
            ),
            labels_of(view.metadata.annotations),
            str(view.metadata.creation_timestamp or ""),
            view.status.addresses(),
            str(view.metadata.uid or ""),
        )
    ]


def _rule(read: Reading, view: schema.RuleView, number: int) -> IngressRule | None:
    field = f"spec.rules[{number}]"
    if not _is_host(view.host):
        _refuse_host(read, view.host, f"{field}.host", "the rule is left out")
        return None
    views = view.http.paths if view.http else ()
    paths = (
        _path(read, path, f"{field}.http.paths[{index}]", index) for index, path in enumerate(views)
    )
    return IngressRule(view.host, tuple(path for path in paths if path is not None), number)


def _path(read: Reading, view: schema.PathView, field: str, index: int) -> IngressPath | None:
    fault = _path_fault(view)
    if fault:
        reason, message, fix = fault
        read.leave_out(f"{field}.path", reason, f"{message}; the path is left out", fix)
        return None
    backend = _backend(read, view.backend, f"{field}.backend")
    return IngressPath(view.path, view.path_type, backend, index)


def _path_fault(view: schema.PathView) -> tuple[str, str, str] | None:
    path, kind = view.path, view.path_type
    if len(path) > _MAX_PATH:
        return "InvalidPath", f"it is longer than {_MAX_PATH} characters", "shorten it"
    if any(char < " " or char == "\x7f" for char in path):
        return "InvalidPath", f"{path!r} has a control character", "remove it"
    if kind == "ImplementationSpecific":
        why = regex_fault(path)
        return (
            ("InvalidRegex", f"{path!r} is not an RE2 expression: {why}", RE2_FIX) if why else None
        )
    if not path.startswith("/"):
        return "InvalidPath", f"{path!r} has no leading /", "add it"
    return None


def _backend(read: Reading, view: schema.Backend, field: str) -> ServiceBackend | None:
    if view.service is None:
        what = "a resource" if view.resource is not None else "nothing"
        read.leave_out(
            field, "UnsupportedBackend", f"{what} cannot be served; it answers 503",
            "name a Service under service",
        )  # fmt: skip
        return None
    port = view.service.port
    if (port.number is None) == (not port.name):
        read.leave_out(
            f"{field}.service.port", "InvalidValue",
            "exactly one of number and name is needed; it answers 503", "give one of them",
        )  # fmt: skip
        return None
    return ServiceBackend(view.service.name, _port(port))


def _port(view: schema.BackendPort) -> int | str:
    return view.number or view.name


def _tls_hosts(read: Reading, view: schema.TlsView, number: int) -> tuple[str, ...]:
    found = []
    for index, host in enumerate(view.hosts):
        if host and _is_host(host):
            found.append(host)
        else:
            _refuse_host(read, host, f"spec.tls[{number}].hosts[{index}]", "it is left out")
    return tuple(found)


def _refuse_host(read: Reading, host: str, field: str, consequence: str) -> None:
    read.leave_out(
        field, "InvalidHost", f"{host!r} is not a host name; {consequence}",
        "use lower-case labels without a port; a wildcard may only be the whole first label",
    )  # fmt: skip


def _is_host(host: str) -> bool:
    """Tell whether a host may stand in a rule; an empty one is every host."""
    if not host:
        return True
    labels = host.split(".")
    bare = labels[1:] if labels[0] == "*" else labels
    return len(host) <= 253 and bool(bare) and all(_LABEL.fullmatch(label) for label in bare)
