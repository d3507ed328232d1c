"""Requests to a Kubernetes API server, as plain JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio import client, config
from kubernetes.config.config_exception import ConfigException

from lockgate.errors import ConfigError

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
_CONNECT_S = 10.0
_REQUEST_S = 60.0
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class ApiFault(Exception):
    """The server did not do what was asked; ``status`` is 0 if it was not reached.

    ``retry_after_s`` is how long it wants to be left alone, or 0.
    """

    def __init__(self, status: int, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status
        self.retry_after_s = retry_after_s


class ApiServer:
    """One API server, reached as a kubeconfig or the pod's service account says."""

    def __init__(self, kubeconfig: str = "") -> None:
        self._kubeconfig = kubeconfig
        self._client: client.ApiClient | None = None

    async def connect(self) -> None:
        """Read how to reach the server; nothing is sent yet.

        Raises: ConfigError: there is no usable kubeconfig.
        """
        made = client.Configuration()
        made.retries = None  # trying again is for the reflectors to decide
        made.connection_pool_maxsize = 0  # each watch holds a connection for as long as it lasts
        try:
            if not self._kubeconfig and IN_CLUSTER.exists():  # noqa: ASYNC240  # once, at the start
                config.load_incluster_config(client_configuration=made)  # type: ignore[no-untyped-call]
            else:
                await config.load_kube_config(  # type: ignore[no-untyped-call]
                    self._kubeconfig or None, client_configuration=made, persist_config=False
                )
        except (ConfigException, OSError) as error:
            name = self._kubeconfig or "the default kubeconfig"
            msg = f"{name} cannot be used: {error}; name another with LOCKGATE_KUBECONFIG"
            raise ConfigError(msg) from error
        self._client = client.ApiClient(made)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, path: str, **query: str) -> Any:
        """Return what is at a path."""
        return await self._json("GET", path, query)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create an object."""
        return await self._json("POST", path, {}, body, JSON)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Replace an object."""
        return await self._json("PUT", path, {}, body, JSON)

    async def patch(self, path: str, body: Mapping[str, Any], how: str, **query: str) -> Any:
        """Change an object; ``how`` is the media type of the patch."""
        return await self._json("PATCH", path, query, body, how)

    async def delete(self, path: str, uid: str = "") -> Any:
        """Remove an object; with a uid only if it is that one."""
        body = {"preconditions": {"uid": uid}} if uid else None
        return await self._json("DELETE", path, {}, body)

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
    ) -> Any:
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S, connect=_CONNECT_S)
        async with self._open(method, path, query, timeout, body, content_type) as response:
            with _as_faults():
                return orjson.loads(await response.read())

    @asynccontextmanager
    async def lines(
        self, path: str, silence_s: float, **query: str
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the lines of a streamed answer; silence for too long ends it with a fault."""
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=silence_s)
        async with self._open("GET", path, query, timeout) as response:
            yield _lines(response)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._client is not None, "connect() comes first"
        headers = {"Accept": JSON, "Content-Type": content_type}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        url = f"{self._client.configuration.host}{path}"
        if query:
            url += f"?{urlencode(query)}"
        with _as_faults():
            answer = await self._client.call_api(
                method, url, headers, body=body, _request_timeout=timeout
            )
        response: aiohttp.ClientResponse = answer.response
        try:
            if response.status >= 400:
                raise await _fault(response)
            yield response
        finally:
            response.close()


class _as_faults:  # noqa: N801  # reads as a statement
    """Turns what the HTTP client raises into faults."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)):
            raise ApiFault(0, f"{type(error).__name__}: {error}") from error


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield whole lines; they may be longer than any buffer."""
    rest = bytearray()
    with _as_faults():
        async for chunk in response.content.iter_any():
            rest += chunk
            if b"\n" in chunk:
                *whole, last = rest.split(b"\n")
                for line in whole:
                    if line:
                        yield bytes(line)
                rest = bytearray(last)


async def _fault(response: aiohttp.ClientResponse) -> ApiFault:
    with _as_faults():
        body = await response.read()
    try:
        message = str(orjson.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        message = body[:200].decode(errors="replace")
    wait = response.headers.get("Retry-After", "")
    return ApiFault(response.status, message, float(wait) if wait.isdigit() else 0.0)
