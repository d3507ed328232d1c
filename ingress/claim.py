"""Which Ingresses are ours, and what each says of each host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lockgate.model.ingress import Ingress, IngressClass, PathType, ServiceBackend
from lockgate.model.meta import ObjectRef

CONTROLLER = "lockgate.io/ingress-controller"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class HostPath:
    """One path an Ingress declares for a host; ``field`` is where it stands in the object."""

    path: str
    path_type: PathType
    namespace: str
    backend: ServiceBackend
    origin: ObjectRef
    created: str
    field: str

    @property
    def match(self) -> tuple[PathType, str]:
        """What two paths have in common when they conflict; ``/foo/`` and ``/foo`` do."""
        path = self.path.rstrip("/") if self.path_type == "Prefix" else self.path
        return self.path_type, path or "/"

    @property
    def age(self) -> tuple[str, ObjectRef]:
        """Order in which paths win a conflict: the oldest object, then the smallest name."""
        return self.created, self.origin


def is_ours(ingress: Ingress, our_class: str, classes: Iterable[IngressClass]) -> bool:
    """Say whether we serve an Ingress.

    The legacy annotation counts before ``spec.ingressClassName``. Without either, the class that
    is marked as default decides. The class named ``our_class`` is ours even if nobody declared it.
    """
    name = dict(ingress.annotations).get(CLASS_ANNOTATION) or ingress.class_name
    if name == our_class:
        return True
    ours = [entry for entry in classes if entry.controller == CONTROLLER]
    if name:
        return any(entry.name == name for entry in ours)
    return any(entry.default for entry in ours)


def host_paths(ingress: Ingress) -> Iterator[tuple[str, HostPath]]:
    """Yield each (host, path) of an Ingress; its default backend is a Prefix ``/`` of any host."""
    template = HostPath(
        "/", "Prefix", ingress.namespace, ServiceBackend("", 0), ingress.ref, ingress.created, ""
    )
    for number, rule in enumerate(ingress.rules):
        for index, path in enumerate(rule.paths):
            yield (
                rule.host or ANY_HOST,
                replace(
                    template,
                    path=path.path or "/",
                    path_type=path.path_type,
                    backend=path.backend,
                    field=f"spec.rules[{number}].http.paths[{index}]",
                ),
            )
    if ingress.default_backend is not None:
        yield (
            ANY_HOST,
            replace(template, backend=ingress.default_backend, field="spec.defaultBackend"),
        )


def hosts_of(ingress: Ingress) -> set[str]:
    """Return the hosts an Ingress says something about."""
    return {host for host, _ in host_paths(ingress)}
