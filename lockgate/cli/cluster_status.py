"""The health of an installed Lockgate, as the API server tells it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from lockgate.cli.helm import RELEASE
from lockgate.cli.output import show_table
from lockgate.errors import LockgateError
from lockgate.sources.kube.access import ApiFault, ApiServer

_POLL_S = 1.0
_KINDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_GROUP = ".lockgate.io"


async def report_of(server: ApiServer, namespace: str) -> dict[str, Any]:
    """Return whether every part is well, one row each with the reason.

    Raises: ApiFault: the server does not answer.
    """
    parts = [
        await _workload(server, namespace, "daemonsets", "agent"),
        await _workload(server, namespace, "daemonsets", "envoy"),
        await _workload(server, namespace, "deployments", "operator"),
        await _kinds(server),
        await _nodes(server),
    ]
    return {"healthy": all(part["ok"] for part in parts), "parts": parts}


async def until_well(
    server: ApiServer, namespace: str, limit_s: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the first report that is well, or the last one when time is up.

    ``say`` is told what is waited for, whenever that changes.
    """
    await server.connect()
    deadline, told = time.monotonic() + limit_s, ""
    try:
        while True:
            report = await report_of(server, namespace)
            waiting = "; ".join(
                f"{part['name']}: {part['detail']}" for part in report["parts"] if not part["ok"]
            )
            if waiting and waiting != told:
                say(f"waiting for {waiting}")
                told = waiting
            if report["healthy"] or time.monotonic() > deadline:
                return report
            await asyncio.sleep(_POLL_S)
    except ApiFault as fault:
        raise LockgateError(f"the API server: {fault}") from fault
    finally:
        await server.close()


def show_cluster(report: dict[str, Any]) -> None:
    """Print a report as a table."""
    rows = [{**part, "state": "ok" if part["ok"] else "NOT OK"} for part in report["parts"]]
    show_table(rows, ("name", "state", "detail"))


async def _workload(server: ApiServer, namespace: str, plural: str, part: str) -> dict[str, Any]:
    path = f"/apis/apps/v1/namespaces/{namespace}/{plural}/{RELEASE}-{part}"
    try:
        found = await server.get(path)
    except ApiFault as fault:
        if fault.status != 404:
            raise
        if part == "operator" and await _exists(server, namespace):
            return _part(part, ok=True, detail="not installed")
        return _part(part, ok=False, detail=f"there is no {RELEASE}-{part} in {namespace}")
    status = found.get("status", {})
    if plural == "daemonsets":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        updated = status.get("updatedNumberScheduled", 0)
    else:
        wanted, ready = found["spec"]["replicas"], status.get("readyReplicas", 0)
        updated = status.get("updatedReplicas", 0)
    seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    ok = seen and ready >= wanted and updated >= wanted
    detail = f"{ready} of {wanted} ready" + (f", {updated} of this version" if not ok else "")
    if not ok:
        detail += await _why(server, namespace, part)
    return _part(part, ok=ok, detail=detail)


async def _exists(server: ApiServer, namespace: str) -> bool:
    try:
        await server.get(f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{RELEASE}-agent")
    except ApiFault:
        return False
    return True


async def _why(server: ApiServer, namespace: str, part: str) -> str:
    """Return what keeps the first pod that is not ready."""
    selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={part}"
    listed = await server.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    for pod in listed["items"]:
        for row in pod.get("status", {}).get("containerStatuses", []):
            waiting = row.get("state", {}).get("waiting")
            if waiting:
                reason = f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()
                return f"; {pod['metadata']['name']}: {reason}"
    return ""


async def _kinds(server: ApiServer) -> dict[str, Any]:
    listed = await server.get(_KINDS)
    ours = [row for row in listed["items"] if row["metadata"]["name"].endswith(_GROUP)]
    missing = [
        row["metadata"]["name"] for row in ours
        if not any(one["type"] == "Established" and one["status"] == "True"
                   for one in row.get("status", {}).get("conditions", []))
    ]  # fmt: skip
    detail = f"{len(ours)} established" if not missing else f"not established: {', '.join(missing)}"
    return _part("kinds", ok=bool(ours) and not missing, detail=detail)


async def _nodes(server: ApiServer) -> dict[str, Any]:
    listed = await server.get("/api/v1/nodes")
    unready = [
        row["metadata"]["name"] for row in listed["items"]
        if not any(one["type"] == "Ready" and one["status"] == "True"
                   for one in row.get("status", {}).get("conditions", []))
    ]  # fmt: skip
    count = len(listed["items"])
    detail = f"{count - len(unready)} of {count} ready"
    return _part(
        "nodes",
        ok=not unready,
        detail=detail + (f", not: {', '.join(unready[:5])}" if unready else ""),
    )


def _part(name: str, *, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}
