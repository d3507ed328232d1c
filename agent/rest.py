"""The agent's REST API over its Unix socket: what the command line and the CNI plugin ask."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import orjson
import uvicorn
from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from agent.flows import FlowRing
from lockgate.errors import LockgateError
from lockgate.policy.requests import DnsQuery, HttpRequest, KafkaRequest, TlsHello


class TraceRequest(BaseModel):
    """A connection to be judged, and perhaps a request on it."""

    source: str
    destination: str
    port: int = Field(ge=0, le=65535)
    """For ICMP the type of the message."""
    protocol: Literal["TCP", "UDP", "SCTP", "ICMP", "ICMPV6"] = "TCP"
    request: HttpRequest | KafkaRequest | DnsQuery | TlsHello | None = None


class ExplainRequest(BaseModel):
    """A request to the Ingress."""

    url: str
    headers: dict[str, str] = {}


class AgentView(Protocol):
    """What the API reads of the agent; every answer is plain values."""

    flows: FlowRing

    def status(self) -> dict[str, Any]:
        """Return the health of every part, the problems and the addresses."""

    def endpoints(self) -> list[dict[str, Any]]:
        """Return every endpoint of this node."""

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """Return one endpoint with its policy, or None."""

    def set_audit(self, name: str, audit: bool) -> bool:  # as the request says
        """Turn audit of an endpoint on or off; False if there is no such endpoint here."""

    def identities(self) -> list[dict[str, Any]]:
        """Return every identity with its labels."""

    def services(self) -> list[dict[str, Any]]:
        """Return every Service frontend with its backends."""

    def ingresses(self) -> list[dict[str, Any]]:
        """Return every Ingress that is ours."""

    def ingress(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return one Ingress, or None if it is not ours."""

    def explain(self, asked: ExplainRequest) -> dict[str, Any]:
        """Say what becomes of a request; ValueError: its URL names no host."""

    def policies(self) -> list[dict[str, Any]]:
        """Return every policy with the endpoints it selects."""

    def envoy(self, part: str) -> Any:  # whatever Envoy's admin interface says
        """Return a part of what Envoy holds."""

    def trace(self, asked: TraceRequest) -> dict[str, Any]:
        """Say whether a connection would pass; LookupError names an end that is not known."""

    def matrix(self, ports: list[tuple[int, str]]) -> dict[str, Any]:
        """Return the outcome between every ordered pair of pods."""

    def metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""

    async def cni(self, command: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer the CNI plugin: an HTTP status and a CNI result or error."""


_ENVOY_PARTS = ("listeners", "routes", "clusters", "config", "diff", "refused")
_LAST_FLOWS = 20


def build_app(agent: AgentView) -> FastAPI:
    """Return the API of an agent."""
    app = FastAPI(title="Lockgate agent", version="1", docs_url=None, redoc_url=None)

    @app.exception_handler(LockgateError)
    async def failed(_request: Request, error: LockgateError) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=503)

    _add_views(app, agent)
    _add_flows(app, agent)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(agent.metrics(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/envoy/{part}")
    async def envoy(part: str) -> Any:
        if part not in _ENVOY_PARTS:
            raise HTTPException(404, f"there is no {part}; ask for one of {_ENVOY_PARTS}")
        return JSONResponse(await asyncio.to_thread(agent.envoy, part))

    @app.post("/v1/cni/{command}")
    async def cni(command: str, request: dict[str, Any]) -> Response:
        status, body = await agent.cni(command, request)
        return JSONResponse(body, status_code=status)

    _add_trace(app, agent)
    _add_ingress(app, agent)
    return app


def _add_ingress(app: FastAPI, agent: AgentView) -> None:
    @app.get("/v1/ingresses")
    async def ingresses() -> list[dict[str, Any]]:
        return agent.ingresses()

    @app.get("/v1/ingresses/{namespace}/{name}")
    async def ingress(namespace: str, name: str) -> dict[str, Any]:
        found = agent.ingress(namespace, name)
        if found is None:
            raise HTTPException(404, f"no Ingress {namespace}/{name} is ours")
        return found

    @app.post("/v1/ingress/explain")
    async def explain(asked: ExplainRequest) -> dict[str, Any]:
        try:
            return agent.explain(asked)
        except ValueError as error:
            raise HTTPException(400, str(error)) from error


def _add_trace(app: FastAPI, agent: AgentView) -> None:
    @app.post("/v1/policy/trace")
    async def trace(asked: TraceRequest) -> dict[str, Any]:
        try:
            return agent.trace(asked)
        except LookupError as error:
            raise HTTPException(404, str(error)) from error

    @app.post("/v1/policy/matrix")
    async def matrix(ports: list[tuple[int, Literal["TCP", "UDP", "SCTP"]]]) -> dict[str, Any]:
        return agent.matrix([(port, str(protocol)) for port, protocol in ports])


def _add_views(app: FastAPI, agent: AgentView) -> None:
    @app.get("/v1/status")
    async def status() -> dict[str, Any]:
        return agent.status()

    @app.get("/v1/endpoints")
    async def endpoints() -> list[dict[str, Any]]:
        return agent.endpoints()

    @app.get("/v1/endpoints/{namespace}/{name}")
    async def endpoint(namespace: str, name: str) -> dict[str, Any]:
        found = agent.endpoint(f"{namespace}/{name}")
        if found is None:
            raise HTTPException(404, f"there is no endpoint {namespace}/{name} on this node")
        return found

    @app.post("/v1/endpoints/{namespace}/{name}/audit")
    async def audit(namespace: str, name: str, wanted: Annotated[bool, Body()]) -> dict[str, Any]:
        if not agent.set_audit(f"{namespace}/{name}", wanted):
            raise HTTPException(404, f"there is no endpoint {namespace}/{name} on this node")
        return {"endpoint": f"{namespace}/{name}", "audit": wanted}

    @app.get("/v1/identities")
    async def identities() -> list[dict[str, Any]]:
        return agent.identities()

    @app.get("/v1/services")
    async def services() -> list[dict[str, Any]]:
        return agent.services()

    @app.get("/v1/policies")
    async def policies() -> list[dict[str, Any]]:
        return agent.policies()


def _add_flows(app: FastAPI, agent: AgentView) -> None:
    @app.get("/v1/flows")
    async def flows(follow: bool = False, last: int = _LAST_FLOWS) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            if not follow:
                for flow in agent.flows.last(last):
                    yield orjson.dumps(flow.to_json()) + b"\n"
                return
            async for flow in agent.flows.follow(last):
                yield orjson.dumps(flow.to_json()) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")


class RestServer:
    """Serves the API on a Unix socket of mode 0600."""

    def __init__(self, app: FastAPI, path: Path) -> None:
        self._path = path
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        # The agent decides what a signal means, not the server.
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; the socket is there when this returns."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(mask)
        self._task = asyncio.create_task(self._server.serve([listener]), name="rest")

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._path.unlink(missing_ok=True)
