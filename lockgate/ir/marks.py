"""Packet marks that Envoy sets and the kernel programs read: one vocabulary for both.

Values lie in :data:`MASK` (bits 8 to 11) and leave the rest to others, such as kube-proxy.
"""

from __future__ import annotations

from typing import Final

MASK: Final = 0xF00
TO_PROXY: Final = 0x200
"""Set by BPF: the packet is assigned to a proxy's socket and is to be delivered locally."""
FROM_LISTENER: Final = 0xA00
"""Set by an L7 listener: replies to the client, in the name of the original destination."""
PROXIED: Final = 0xB00
"""Set by an L7 listener on its upstream: egress and ingress rules were both applied."""
FROM_INGRESS: Final = 0xD00
"""Set on connections from the ingress to its backends."""
