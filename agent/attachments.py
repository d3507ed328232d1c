"""Which device is each endpoint's, where a kubelet has pods attached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """An endpoint's device of this host, and its addresses."""

    interface: str
    addresses: tuple[str, ...]


class Attachments:
    """The newest attachment of each endpoint, by ``namespace/pod``.

    A sandbox that is made anew may be attached before the old one is detached, so to remove one
    says which.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Attachment] = {}

    def put(self, endpoint: str, interface: str, addresses: Sequence[str]) -> None:
        """Write an endpoint's attachment in place of an older one."""
        self._rows[endpoint] = Attachment(interface, tuple(addresses))

    def remove(self, endpoint: str, interface: str) -> bool:
        """Forget an attachment; return whether the endpoint has no other by now."""
        row = self._rows.get(endpoint)
        if row is not None and row.interface != interface:
            return False
        self._rows.pop(endpoint, None)
        return True

    def interface(self, endpoint: str) -> str | None:
        """Return an endpoint's device, or None if it has none."""
        row = self._rows.get(endpoint)
        return row.interface if row else None
