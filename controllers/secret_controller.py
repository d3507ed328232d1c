"""Copies the Secrets that Ingresses and policies refer to into one namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from controllers.controller import MANAGER, NOT_FOUND
from controllers.secret_uses import Content, Key, SecretUses
from lockgate.model.ingress import ClassParameters, Ingress, IngressClass
from lockgate.model.meta import ObjectRef
from lockgate.model.policy import Policy
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.kinds import (
    CILIUM_POLICIES,
    CLASS_PARAMETERS,
    CLUSTERWIDE_POLICY,
    INGRESS,
    INGRESS_CLASS,
    POLICY,
    SECRET,
    Kind,
    object_path,
)
from lockgate.sources.kube.reflector import Change, Document
from lockgate.sources.kube.secret_copies import COPY_OF, copy_name, original_of
from lockgate.sources.kube.work_queue import WorkQueue
from lockgate.sources.parse import parse

_UNUSED = "type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1"
"""Secrets that nothing of ours refers to, and of which there are many."""
SECRETS = replace(SECRET, fields=_UNUSED)
_INVALID = 422


class SecretController:
    """Keeps the copies in step, and removes those that nothing refers to.

    Args:
        server: that is written to.
        namespace: of the copies.
        our_class: the IngressClass that is ours even if nobody declared it.
        compat_cilium: read policies of ``cilium.io`` too.
    """

    name = "secret-copies"

    def __init__(
        self, server: ApiServer, namespace: str, our_class: str, *, compat_cilium: bool = False
    ) -> None:
        kinds = (INGRESS_CLASS, CLASS_PARAMETERS, INGRESS, POLICY, CLUSTERWIDE_POLICY, SECRETS)
        self.kinds: tuple[Kind, ...] = (*kinds, *CILIUM_POLICIES) if compat_cilium else kinds
        self._compat_cilium = compat_cilium
        self._server = server
        self._namespace = namespace
        self._uses = SecretUses(our_class)
        self._copies: dict[Key, Content] = {}
        self._originals: dict[str, Key] = {}
        """By name of the copy."""
        self.queue: WorkQueue[Key] = WorkQueue("secret copies", self._write)

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in what refers to Secrets, Secrets, and copies."""
        for kind, change in changes:
            if kind == SECRETS:
                self._take_secret(change)
            elif kind in self.kinds:
                self._take_user(kind, change)
        self.queue.add(sorted(self._uses.changed()))

    def _take_secret(self, change: Change) -> None:
        namespace, name = change.key
        if namespace == self._namespace:
            self._take_copy(name, change.document)
        if change.document is None:
            self._uses.secrets.delete(change.key)
        else:
            self._uses.secrets.put(change.key, _content(change.document))

    def _take_copy(self, name: str, document: Document | None) -> None:
        key = self._originals.pop(name, None) if document is None else original_of(document)
        if key is None:
            return
        if document is None:
            self._copies.pop(key, None)
        else:
            self._originals[name] = key
            self._copies[key] = _content(document)
        self.queue.add([key])

    def _take_user(self, kind: Kind, change: Change) -> None:
        key = change.key
        if change.document is None:
            self._forget_user(kind, key)
            return
        metadata = {**change.document["metadata"], "managedFields": None}
        whole = {**change.document, "metadata": metadata}
        whole |= {"apiVersion": kind.version, "kind": kind.kind}
        _, rows, _ = parse(whole, compat_cilium=self._compat_cilium, strict=False)
        policies = tuple(row for row in rows if isinstance(row, Policy))
        if policies:
            self._uses.policies.put(ObjectRef(kind.kind, *key), policies)
        for row in rows:
            if isinstance(row, Ingress):
                self._uses.ingresses.put(key, row)
            elif isinstance(row, IngressClass):
                self._uses.classes.put(key[1], row)
            elif isinstance(row, ClassParameters):
                self._uses.parameters.put(key[1], row)

    def _forget_user(self, kind: Kind, key: Key) -> None:
        if kind == INGRESS:
            self._uses.ingresses.delete(key)
        elif kind == INGRESS_CLASS:
            self._uses.classes.delete(key[1])
        elif kind == CLASS_PARAMETERS:
            self._uses.parameters.delete(key[1])
        else:
            self._uses.policies.delete(ObjectRef(kind.kind, *key))

    async def _write(self, key: Key) -> bool:
        wanted, held = self._uses.wanted.get(key), self._copies.get(key)
        if wanted == held:
            return False
        path = object_path(SECRET, self._namespace, copy_name(key))
        try:
            if wanted is None:
                await self._server.delete(path)
            else:
                body = _copy(self._namespace, key, wanted)
                await self._server.patch(path, body, APPLY, fieldManager=MANAGER, force="true")
        except ApiFault as fault:
            if fault.status == _INVALID and held is not None and wanted is not None:
                await self._server.delete(path)  # its type cannot be changed
            if fault.status != NOT_FOUND or wanted is not None:
                raise
        return True

    def metrics(self) -> Iterator[Metric]:
        """Yield how many copies there are."""
        yield GaugeMetricFamily(
            "lockgate_operator_secret_copies", "Secrets copied for agents.", len(self._copies)
        )


def _content(document: Document) -> Content:
    data = document.get("data") or {}
    return Content(document.get("type") or "Opaque", tuple(sorted(data.items())))


def _copy(namespace: str, key: Key, content: Content) -> dict[str, Any]:
    return {
        "apiVersion": SECRET.version,
        "kind": SECRET.kind,
        "metadata": {
            "namespace": namespace,
            "name": copy_name(key),
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {COPY_OF: "/".join(key)},
        },
        "type": content.type,
        "data": dict(content.data),
    }
