"""Stands between a client and the API server, and fails as servers and networks do."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import yaml
from aiohttp import web

from tests.kube.apiserver import ApiServer, free_port


class Unreliable:
    """A proxy in plain HTTP; watches can be made to fail, each in some way."""

    def __init__(self, api: ApiServer, kubeconfig: Path | None = None) -> None:
        self._api = api
        self._as = kubeconfig or api.kubeconfig
        self._port = free_port()
        self._fault = ""
        self._open: set[asyncio.Task[object]] = set()
        self.broken = 0
        """How many watches were made to fail."""

    @property
    def kubeconfig(self) -> Path:
        """Leads clients to the proxy."""
        path = self._api.directory / f"proxy-{self._port}.kubeconfig"
        content = yaml.safe_load(self._api.kubeconfig.read_text())
        content["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._port}"}
        content["users"][0]["user"] = {}
        path.write_text(yaml.safe_dump(content))
        return path

    def break_watches(self, fault: str) -> None:
        """End the watches there are, and let new ones fail."""
        self._fault = fault
        for task in self._open:
            task.cancel()

    def heal(self) -> None:
        """Let watches work again."""
        self._fault = ""

    async def __aenter__(self) -> Self:
        user = yaml.safe_load(self._as.read_text())["users"][0]["user"]
        context = self._context(user)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0))
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    def _context(self, user: dict[str, str]) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self._api.directory / "ca.crt"))
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        return context

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        is_watch = request.query.get("watch") == "1"
        if is_watch and self._fault:
            self.broken += 1
            if self._fault.isdigit() and self._fault != "410":
                return web.Response(status=int(self._fault), text="{}")
        url = f"{self._api.url}{request.rel_url}"
        data = await request.read()
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        async with self._session.request(request.method, url, data=data, headers=headers) as answer:
            response = web.StreamResponse(status=answer.status)
            await response.prepare(request)
            if is_watch and self._fault:
                return await self._fail(request, response)
            await self._copy(answer, response, is_watch=is_watch)
            return response

    async def _copy(
        self, answer: aiohttp.ClientResponse, response: web.StreamResponse, *, is_watch: bool
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        if is_watch:
            self._open.add(task)
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        finally:
            self._open.discard(task)

    async def _fail(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        if self._fault == "410":
            status = b'{"kind":"Status","code":410,"message":"too old"}'
            await response.write(b'{"type":"ERROR","object":' + status + b"}\n")
            return response
        if self._fault == "half a line":
            await response.write(b'{"type":"ADDED","obj')
            return response
        if request.transport is not None:
            request.transport.abort()
        return response
