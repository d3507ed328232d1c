"""Publishes this node and its endpoints to the API server, for others to read.

Nothing of Lockgate reads them back but the operator, which removes those whose owner is gone.
"""

from __future__ import annotations

import hashlib
from typing import Any

from agent.cursor import Cursor
from agent.desired import Desired
from lockgate import __version__
from lockgate.ir.node import EndpointPolicy
from lockgate.model.meta import Labels
from lockgate.model.workload import Pod
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.kinds import ENDPOINT, POD, PUBLISHED_NODE, object_path
from lockgate.sources.kube.reflector import Key
from lockgate.sources.kube.work_queue import WorkQueue

MANAGER = "lockgate-agent"
_NOT_FOUND = 404


def identity_name(labels: Labels) -> str:
    """Return the name that a set of identity labels has in the whole cluster."""
    text = "\0".join(f"{key}={value}" for key, value in labels)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def endpoint_object(pod: Pod, labels: Labels, policy: EndpointPolicy) -> dict[str, Any]:
    """Return the LockgateEndpoint of a pod."""
    owner = {"apiVersion": POD.version, "kind": POD.kind, "name": pod.name, "uid": pod.uid}
    return {
        "apiVersion": ENDPOINT.version,
        "kind": ENDPOINT.kind,
        "metadata": {"namespace": pod.namespace, "name": pod.name, "ownerReferences": [owner]},
        "status": {
            "node": pod.node,
            "identity": identity_name(labels),
            "labels": dict(labels),
            "addresses": list(pod.addresses),
            "policy": {
                "ingressEnforced": policy.ingress_enforced,
                "egressEnforced": policy.egress_enforced,
                "audit": policy.audit,
            },
        },
    }


class Publisher:
    """Writes what changed, a few objects a second at most.

    An endpoint's object goes with its pod, by its owner reference.
    """

    def __init__(self, desired: Desired, server: ApiServer) -> None:
        self._desired = desired
        self._server = server
        policy = desired.policy
        self._cursors: tuple[Cursor[str, Any], ...] = (
            Cursor(policy.endpoint_policies), Cursor(policy.labels),
            Cursor(desired.topology.local),
        )  # fmt: skip
        self._node = Cursor(desired.declared.nodes)
        self._published: dict[Key, dict[str, Any]] = {}
        self.queue: WorkQueue[Key] = WorkQueue("published objects", self._write)

    def collect(self) -> None:
        """Take in what changed since the last call; call it when it is in force."""
        changed = {path for cursor in self._cursors for path in cursor.take()}
        local = self._desired.topology.local
        keys = {_key(path): path in local for path in sorted(changed)}
        self.queue.add(key for key, here in keys.items() if here or key in self._published)
        name = self._desired.settings.node_name
        if name in self._node.take():
            self.queue.add([("", name)])

    async def run(self) -> None:
        """Write until cancelled."""
        await self.queue.run()

    async def _write(self, key: Key) -> bool:
        body = self._node_object() if not key[0] else self._endpoint_object(key)
        if body is None:
            self._published.pop(key, None)
            return False
        if self._published.get(key) == body:
            return False
        kind = ENDPOINT if key[0] else PUBLISHED_NODE
        path = object_path(kind, *key)
        try:
            await self._server.patch(path, body, APPLY, fieldManager=MANAGER, force="true")
        except ApiFault as fault:
            if fault.status != _NOT_FOUND:
                raise
            return False  # the pod's namespace is gone, or the kind is not installed
        self._published[key] = body
        return True

    def _endpoint_object(self, key: Key) -> dict[str, Any] | None:
        desired, path = self._desired, "/".join(key)
        pod = desired.topology.local.get(path)
        policy = desired.policy.endpoint_policies.get(path)
        labels = desired.policy.labels.get(path)
        if pod is None or policy is None or labels is None or not pod.uid:
            return None
        return endpoint_object(pod, labels, policy)

    def _node_object(self) -> dict[str, Any] | None:
        settings = self._desired.settings
        node = self._desired.declared.nodes.get(settings.node_name)
        if node is None:
            return None
        return {
            "apiVersion": PUBLISHED_NODE.version,
            "kind": PUBLISHED_NODE.kind,
            "metadata": {"name": node.name},
            "status": {
                "addresses": list(node.addresses),
                "podCIDRs": list(settings.pod_prefixes),
                "version": __version__,
            },
        }


def _key(path: str) -> Key:
    namespace, _, name = path.partition("/")
    return namespace, name
