"""LockgateAddressPool: addresses for Services of type LoadBalancer."""

from __future__ import annotations

from ipaddress import ip_address

from pydantic import Field

from lockgate.model.address_pool import AddressPool
from lockgate.model.selector import LabelSelector
from lockgate.sources.fields import Reading
from lockgate.sources.schema import Object, Schema, Selector

_MOST = 256


class AddressRange(Schema):
    """``ranges[]``: from one address to another, both included."""

    start: str = Field(max_length=45)
    stop: str = Field(max_length=45)


class AddressPoolSpec(Schema):
    """``spec`` of a LockgateAddressPool."""

    cidrs: list[str] = Field(default=[], max_length=_MOST)
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
    for number, entry in enumerate(spec.ranges):
        _check_range(read, entry, f"spec.ranges[{number}]")
    selector: LabelSelector = read.selector(spec.service_selector, "spec.serviceSelector")
    return [
        AddressPool(
            view.metadata.name,
            tuple(dict.fromkeys(cidrs)),
            tuple((entry.start, entry.stop) for entry in spec.ranges),
            selector,
            tuple(sorted(set(spec.namespaces))),
            spec.disabled,
        )
    ]


def _check_range(read: Reading, entry: AddressRange, field: str) -> None:
    before = len(read.problems)
    read.address(entry.start, f"{field}.start")
    read.address(entry.stop, f"{field}.stop")
    if not entry.start or not entry.stop:
        read.refuse(field, "InvalidAddress", "an end of the range is empty", "write both addresses")
    if len(read.problems) > before:
        return
    first, last = ip_address(entry.start), ip_address(entry.stop)
    if first.version != last.version:
        read.refuse(field, "InvalidRange", "its ends are of different IP families", "use one")
    elif int(first) > int(last):
        read.refuse(field, "InvalidRange", f"{last} is before {first}", "exchange start and stop")
