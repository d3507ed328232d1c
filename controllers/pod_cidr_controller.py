"""Writes the pod CIDRs of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from controllers.controller import NOT_FOUND
from controllers.pod_cidrs import NodeCidrs, PodCidrs, PodPool
from controllers.problem_events import ProblemEvents
from lockgate.model.meta import ObjectRef
from lockgate.sources.kube.access import MERGE, ApiFault, ApiServer
from lockgate.sources.kube.events import Regarding
from lockgate.sources.kube.kinds import NODE, Kind, object_path
from lockgate.sources.kube.reflector import Change, Document
from lockgate.sources.kube.work_queue import WorkQueue


class PodCidrController:
    """Gives each node its prefixes."""

    name = "pod-cidrs"
    kinds = (NODE,)

    def __init__(self, server: ApiServer, pools: Sequence[PodPool], events: ProblemEvents) -> None:
        self._server = server
        self._events = events
        self._cidrs = PodCidrs(pools)
        self._nodes: dict[str, NodeCidrs] = {}
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue("pod CIDRs", self._write)

    def take(self, changes: Sequence[tuple[Kind, Change]]) -> None:
        """Take in nodes that came, changed or went."""
        for _, change in changes:
            name = change.key[1]
            if change.document is None:
                self._nodes.pop(name, None)
                self._events.forget(ObjectRef(NODE.kind, "", name))
                self._cidrs.remove(name)
                continue
            node = _read(change.document)
            if self._nodes.get(name) != node:
                self._nodes[name] = node
                self._cidrs.put(node)
        self._decide_again()

    def _decide_again(self) -> None:
        self.queue.add(("", name) for name in self._cidrs.take_again())

    async def _write(self, key: tuple[str, str]) -> bool:
        name = key[1]
        node = self._nodes.get(name)
        if node is None:
            return False
        decision = self._cidrs.decide(name)
        self._decide_again()
        self._events.show(Regarding(NODE, "", name, node.uid), decision.problems)
        if not decision.cidrs:
            return False
        # The uid has a node refused that has taken the place of the one this is meant for.
        body = {
            "metadata": {"uid": node.uid},
            "spec": {"podCIDR": decision.cidrs[0], "podCIDRs": list(decision.cidrs)},
        }
        try:
            await self._server.patch(object_path(NODE, "", name), body, MERGE)
        except ApiFault as fault:
            if fault.status != NOT_FOUND:
                raise
            return False  # it is gone, as the watch will tell
        return True

    def metrics(self) -> Iterator[Metric]:
        """Yield how far the pools are used."""
        labels = ("pool", "family")
        size = GaugeMetricFamily(
            "lockgate_operator_pod_cidrs", "Prefixes that a pool has for nodes.", labels=labels
        )
        used = GaugeMetricFamily(
            "lockgate_operator_pod_cidrs_used", "Prefixes of a pool that nodes hold.", labels=labels
        )
        for pool, count in self._cidrs.used.items():
            names = (str(pool), pool.prefix.family)
            size.add_metric(names, pool.prefix.parts(pool.node_length))
            used.add_metric(names, count)
        yield size
        yield used
        yield GaugeMetricFamily(
            "lockgate_operator_nodes_without_pod_cidrs",
            "Nodes for which no prefix is left.",
            self._cidrs.waiting,
        )
        yield GaugeMetricFamily(
            "lockgate_operator_nodes_in_conflict",
            "Nodes whose prefix overlaps with another node's.",
            self._cidrs.in_conflict,
        )


def _read(document: Document) -> NodeCidrs:
    metadata, spec = document["metadata"], document.get("spec") or {}
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return NodeCidrs(metadata["name"], metadata["uid"], tuple(cidrs))
