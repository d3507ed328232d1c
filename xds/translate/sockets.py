"""Addresses and socket options."""

from __future__ import annotations

import socket

from xds.codec import schema

ADS: schema.ConfigSource = {"ads": {}, "resource_api_version": "V3"}
"""A configuration source: the stream this resource came by."""


def address(host: str, port: int) -> schema.Address:
    """Return a TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}


def mark_option(mark: int) -> schema.SocketOption:
    """Return the socket option that marks all packets of a socket; needs CAP_NET_ADMIN."""
    return {
        "description": f"mark {mark:#x}",
        "level": socket.SOL_SOCKET,
        "name": socket.SO_MARK,
        "int_value": mark,
        "state": "STATE_PREBIND",
    }
