"""Operators that work against a real API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from controllers.operator import Operator
from lockgate.settings import read_operator_settings
from tests.kube.apiserver import ApiServer
from tests.kube.following import LIMIT_S


def settings(api: ApiServer, name: str, **told: object) -> Any:
    """Return settings of an operator that elects its leader in a namespace."""
    defaults: dict[str, object] = {
        "kubeconfig": str(api.kubeconfig),
        "namespace": name,
        "operator_address": "127.0.0.1",
        "operator_port": 0,
        "lease_duration_s": 1.0,
        "address_pools": False,
    }
    return read_operator_settings({}, **{**defaults, **told})


@contextlib.asynccontextmanager
async def operating(told: Any) -> AsyncIterator[Operator]:
    """Run an operator; a failure of it fails the test."""
    operator = Operator(told)
    task = asyncio.create_task(operator.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            while not operator.serving.port and not task.done():
                await asyncio.sleep(0.02)
        yield operator
        assert not task.done(), task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(read: Callable[[], Any], expected: Any) -> None:
    """Wait until what is read is as expected; on failure say what it is."""
    found = None
    try:
        async with asyncio.timeout(LIMIT_S):
            while (found := await asyncio.to_thread(read)) != expected:
                await asyncio.sleep(0.05)
    except TimeoutError:
        assert found == expected


async def ask(operator: Operator, path: str) -> tuple[int, str]:
    """Return what the operator's server answers."""
    url = f"http://127.0.0.1:{operator.serving.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def metric(operator: Operator, name: str) -> float:
    """Return the sum of a metric's samples."""
    _, text = await ask(operator, "/metrics")
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def until_leading(operator: Operator) -> None:
    """Wait until an operator leads."""
    async with asyncio.timeout(LIMIT_S):
        while not await metric(operator, "lockgate_operator_leads"):
            await asyncio.sleep(0.05)
