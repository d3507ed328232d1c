"""Where declarations come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from lockgate.sources.manifests import Delta


class Source(Protocol):
    """Gives all objects once, and then what changes."""

    @property
    def faults(self) -> list[str]:
        """Why objects cannot be followed at the moment, in words."""

    async def start(self) -> Delta:
        """Return all objects."""

    def watch(self) -> AsyncIterator[Delta]:
        """Yield changes; call :meth:`start` before."""

    async def close(self) -> None:
        """End what is under way."""
