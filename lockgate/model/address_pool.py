"""Pools that load balancers' addresses come from."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.model.meta import ObjectRef
from lockgate.model.selector import LabelSelector

EVERYTHING = LabelSelector()


@dataclass(frozen=True, slots=True)
class AddressPool:
    """Addresses for Services of type LoadBalancer; kind ``LockgateAddressPool``."""

    name: str
    cidrs: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    """First and last address of each."""
    selector: LabelSelector = EVERYTHING
    """Of the labels of the Services that it is for."""
    namespaces: tuple[str, ...] = ()
    """Of the Services that it is for; empty: all."""
    disabled: bool = False
    """Services keep what they have, and nothing more is given out."""

    @property
    def ref(self) -> ObjectRef:
        """The object this was read from."""
        return ObjectRef("LockgateAddressPool", "", self.name)
