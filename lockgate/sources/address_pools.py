"""LockgateAddressPool: addresses for Services of type LoadBalancer."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from pydantic import Field

from lockgate.model.address_pool import AddressPool
from lockgate.model.selector import LabelSelector
from lockgate.sources.fields import Reading
from lockgate.sources.schema import Object, Schema, Selector

_MOST = 256
_Address = Annotated[str, Field(max_length=45)]
_Prefix = Annotated[str, Field(max_length=49)]


class AddressRange(Schema):
    """``ranges[]``: from one address to another, both included."""

    start: _Address
    stop: _Address


class AddressPoolSpec(Schema):
    """``spec`` of a LockgateAddressPool."""

    cidrs: list[_Prefix] = Field(default=[], max_length=_MOST)
    ranges: list[AddressRange] = Field(default=[], max_length=_MOST)
    service_selector: Selector = Selector()
    namespaces: list[str] = Field(default=[], max_length=_MOST)
    disabled: bool = False


class AddressPoolObject(Object):
    """lockgate.io/v1 LockgateAddressPool."""

    spec: AddressPoolSpec


def read_address_pool(read: Reading, view: AddressPoolObject) -> list[AddressPool]:
    """Read a pool."""
    spec = view.spec
    if not spec.cidrs and not spec.ranges:
        read.refuse("spec", "MissingField", "it has no addresses", "add cidrs or ranges")
    cidrs = [read.cidr(text, f"spec.cidrs[{number}]") for number, text in enumerate(spec.cidrs)]
    ranges = [
        (entry.start, entry.stop)
        for number, entry in enumerate(spec.ranges)
        if _is_range(read, entry, f"spec.ranges[{number}]")
    ]
    selector: LabelSelector = read.selector(spec.service_selector, "spec.serviceSelector")
    return [
        AddressPool(
            view.metadata.name,
            tuple(dict.fromkeys(cidrs)),
            tuple(ranges),
            selector,
            tuple(sorted(set(spec.namespaces))),
            spec.disabled,
        )
    ]


def _is_range(read: Reading, entry: AddressRange, field: str) -> bool:
    """Check a range; one that is none is left out, for the rest of the pool is in use."""
    try:
        first, last = ip_address(entry.start), ip_address(entry.stop)
    except ValueError as error:
        read.leave_out(field, "InvalidAddress", f"{error}", "write IPv4 or IPv6 addresses")
        return False
    if first.version != last.version:
        read.leave_out(field, "InvalidRange", "its ends are of different IP families", "use one")
    elif int(first) > int(last):
        fix = "exchange start and stop"
        read.leave_out(field, "InvalidRange", f"{last} is before {first}", fix)
    else:
        return True
    return False
