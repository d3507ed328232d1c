"""Metrics and health of the operator over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

from lockgate.errors import ConfigError


class Serving:
    """Answers ``/metrics``, ``/healthz`` and ``/readyz``.

    Args:
        family: of the address.
        address: to listen at, a host and a port; port 0: any.
        metrics: returns all metrics in the text format of Prometheus.
        faults: returns why work is not done at the moment, in words.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[str, int],
        metrics: Callable[[], bytes],
        faults: Callable[[], list[str]],
    ) -> None:
        self._family = family
        self._address = address
        self._metrics = metrics
        self._faults = faults
        config = uvicorn.Config(
            self._app(), log_config=None, access_log=False, lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        # The operator decides what a signal means, not the server.
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._task: asyncio.Task[None] | None = None
        self.port = 0
        """Where it listens."""

    def _app(self) -> FastAPI:
        app = FastAPI(title="Lockgate operator", docs_url=None, redoc_url=None, openapi_url=None)

        @app.get("/healthz")
        async def health() -> Response:
            """Say that the process is alive: a server that cannot be reached is no reason to end it."""
            return Response("ok\n", media_type="text/plain")

        @app.get("/readyz")
        async def ready() -> Response:
            """Say whether work is done, or would be if this one led."""
            faults = self._faults()
            text = "".join(f"{fault}\n" for fault in faults) or "ok\n"
            return Response(text, 503 if faults else 200, media_type="text/plain")

        @app.get("/metrics")
        async def metrics() -> Response:
            """Return all metrics."""
            return Response(self._metrics(), media_type=CONTENT_TYPE_LATEST)

        return app

    async def start(self) -> None:
        """Listen.

        Raises: ConfigError: the address cannot be listened at.
        """
        listener = socket.socket(self._family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            host, port = self._address
            msg = f"cannot listen at {host} port {port}: {error}; choose LOCKGATE_OPERATOR_PORT"
            raise ConfigError(msg) from error
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve([listener]), name="serving")

    async def stop(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
