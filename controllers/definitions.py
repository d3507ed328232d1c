"""Installs our kinds, and brings older ones up to date; newer ones stay.

Source: Kubernetes API, ``apiextensions.k8s.io/v1``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from controllers.controller import MANAGER, NOT_FOUND
from lockgate.sources.crd import GROUP, KINDS, NUMBER, SCHEMA_VERSION, VERSION, definition
from lockgate.sources.kube.access import APPLY, ApiFault, ApiServer
from lockgate.sources.kube.kinds import DEFINITION, object_path

log = structlog.get_logger()

_POLL_S = 0.1
_RETRY_S = 2.0
_PASSING = (409, 429)
_FORBIDDEN = 403


async def install_definitions(server: ApiServer) -> None:
    """Install every kind, and return when all are served; an unwell server is waited for.

    One that the server refuses is left as it is: somebody else may install it.
    """
    for kind in KINDS:
        wanted = definition(kind)
        name = wanted["metadata"]["name"]
        while True:
            try:
                await _install(server, wanted, object_path(DEFINITION, "", name))
                await _wait_until_served(server, f"/apis/{GROUP}/{VERSION}/{kind.plural}")
            except ApiFault as fault:
                log.warning("definition not installed", name=name, reason=str(fault))
                if 400 <= fault.status < 500 and fault.status not in _PASSING:
                    break
                await asyncio.sleep(max(_RETRY_S, fault.retry_after_s))
            else:
                break


async def _install(server: ApiServer, wanted: Mapping[str, Any], path: str) -> None:
    if may_replace(await _found(server, path)):
        await server.patch(path, wanted, APPLY, fieldManager=MANAGER, force="true")
    else:
        log.warning("a newer definition is installed and stays", name=wanted["metadata"]["name"])
    while True:
        if _is_established(await server.get(path)):
            return
        await asyncio.sleep(_POLL_S)


async def _wait_until_served(server: ApiServer, path: str) -> None:
    """Wait for a kind's objects to be there, which takes a moment more."""
    while True:
        try:
            await server.get(path, limit="1")
        except ApiFault as fault:
            if fault.status == _FORBIDDEN:
                return  # not ours to read, but there
            if fault.status != NOT_FOUND:
                raise
        else:
            return
        await asyncio.sleep(_POLL_S)


async def _found(server: ApiServer, path: str) -> Any:
    try:
        return await server.get(path)
    except ApiFault as fault:
        if fault.status != NOT_FOUND:
            raise
        return None


def may_replace(found: Mapping[str, Any] | None) -> bool:
    """Say whether a definition is none, or none newer than ours; one that does not say is older."""
    if found is None:
        return True
    number = (found["metadata"].get("annotations") or {}).get(SCHEMA_VERSION, "0")
    return not number.isdigit() or int(number) <= NUMBER


def _is_established(found: Mapping[str, Any]) -> bool:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any((row["type"], row["status"]) == ("Established", "True") for row in conditions)
