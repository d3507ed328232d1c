"""Envoy's HTTP access log entries, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xds import codec

_MESSAGE = "envoy.service.accesslog.v3.StreamAccessLogsMessage"


@dataclass(frozen=True, slots=True)
class HttpLogEntry:
    """One request that passed a listener or was answered by it."""

    listener: str
    source: str
    """The peer of the connection."""
    source_port: int
    destination: str
    """Where the client wanted to go."""
    destination_port: int
    method: str
    path: str
    authority: str
    status: int
    """Zero if the client went away before an answer."""
    time: float
    """Seconds since the epoch."""
    duration_ms: float
    detail: str
    """Envoy's response code details, such as ``via_upstream``."""
    route: str = ""
    """Name of the route that was taken; empty if none was."""


class LogReader:
    """Reads the messages of one access log stream; only the first names the log."""

    def __init__(self) -> None:
        self.listener = ""

    def read(self, body: bytes) -> Iterator[HttpLogEntry]:
        """Return the HTTP entries of a message.

        Raises: XdsError: it cannot be decoded.
        """
        message: Any = codec.decode(_MESSAGE, body)
        self.listener = message.identifier.log_name or self.listener
        return (self._entry(entry) for entry in message.http_logs.log_entry)

    def _entry(self, entry: Any) -> HttpLogEntry:
        common, request, response = entry.common_properties, entry.request, entry.response
        source = common.downstream_direct_remote_address.socket_address
        destination = common.downstream_local_address.socket_address
        return HttpLogEntry(
            listener=self.listener,
            source=source.address,
            source_port=source.port_value,
            destination=destination.address,
            destination_port=destination.port_value,
            method=method_name(request),
            path=request.path,
            authority=request.authority,
            status=response.response_code.value,
            time=common.start_time.seconds + common.start_time.nanos / 1e9,
            duration_ms=common.duration.seconds * 1e3 + common.duration.nanos / 1e6,
            detail=response.response_code_details,
            route=common.route_name,
        )


def method_name(request: Any) -> str:
    """Return the request's method; Envoy sends it as an enum."""
    field = request.DESCRIPTOR.fields_by_name["request_method"]
    value = field.enum_type.values_by_number.get(request.request_method)
    return "" if value is None or value.number == 0 else str(value.name)
