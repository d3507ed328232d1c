"""Routes of this host to the pods of others, marked as ours by their protocol number."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lockgate.errors import BpfError

PROTOCOL: Final = 76
"""``rtm_protocol`` of our routes: a number that no routing daemon has."""


class KernelRoutes:
    """Our routes; those of others are not touched."""

    def present(self) -> dict[str, str]:
        """Return the next hops by prefix."""
        found = {}
        with IPRoute() as netlink:
            for family in (socket.AF_INET, socket.AF_INET6):
                for row in netlink.get_routes(family=family, proto=PROTOCOL):
                    destination: Any = row.get_attr("RTA_DST")
                    if row["proto"] == PROTOCOL and destination:
                        hop = str(row.get_attr("RTA_GATEWAY"))
                        found[f"{destination}/{row['dst_len']}"] = hop
        return found

    def put(self, prefix: str, hop: str) -> None:
        """Write a route, in place of another to the same prefix.

        Raises: BpfError: the kernel refuses.
        """
        try:
            with IPRoute() as netlink:
                netlink.route(
                    "replace", dst=prefix, gateway=hop, proto=PROTOCOL, family=_family(prefix)
                )
        except NetlinkError as error:
            msg = f"route to {prefix} by {hop}: {error}; is that node on a link of this one?"
            raise BpfError(msg) from error

    def delete(self, prefix: str) -> None:
        """Remove a route; one that is not there is no error."""
        with IPRoute() as netlink, contextlib.suppress(NetlinkError):
            netlink.route("del", dst=prefix, proto=PROTOCOL, family=_family(prefix))


def _family(prefix: str) -> int:
    return socket.AF_INET6 if ":" in prefix else socket.AF_INET
