"""What kube-proxy gives to ``nft`` in its nftables mode.

One lookup in a verdict map finds the chain of the Service, whatever their number; it goes on to the
chain of the endpoint, which translates the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.datapath.rules import MASQUERADE, POD_PREFIX, PORT, Service

_FRONTEND = "ipv4_addr . inet_proto . inet_service : verdict"
_BASE = f"""
chain mark-for-masquerade {{
  meta mark set meta mark or {MASQUERADE}
}}
chain masquerading {{
  meta mark and {MASQUERADE} == 0 return
  meta mark set meta mark xor {MASQUERADE}
  masquerade fully-random
}}
chain cluster-ips-check {{
  ip daddr @cluster-ips reject
}}
chain endpoints-check {{
  ip daddr . meta l4proto . th dport vmap @no-endpoint-services
}}
chain firewall-check {{
  ip daddr . meta l4proto . th dport vmap @firewall-ips
}}
chain services {{
  ip daddr . meta l4proto . th dport vmap @service-ips
  fib daddr type local meta l4proto . th dport vmap @service-nodeports
}}
chain filter-prerouting {{
  type filter hook prerouting priority -110
  ct state new jump firewall-check
}}
chain filter-input {{
  type filter hook input priority -110
  ct state new jump endpoints-check
}}
chain filter-forward {{
  type filter hook forward priority -110
  ct state new jump endpoints-check
  ct state new jump cluster-ips-check
}}
chain filter-output {{
  type filter hook output priority -110
  ct state new jump firewall-check
}}
chain filter-output-post-dnat {{
  type filter hook output priority -90
  ct state new jump endpoints-check
  ct state new jump cluster-ips-check
}}
chain nat-prerouting {{
  type nat hook prerouting priority -100
  jump services
}}
chain nat-output {{
  type nat hook output priority -100
  jump services
}}
chain nat-postrouting {{
  type nat hook postrouting priority 100
  jump masquerading
}}"""


def rules(services: Iterable[Service]) -> str:
    """Return the table."""
    known = list(services)
    frontends = ",\n".join(
        f"{service.cluster_ip} . tcp . {PORT} : goto {_names(service)[0]}" for service in known
    )
    return "\n".join(
        (
            "table ip kube-proxy {",
            f"map no-endpoint-services {{\n type {_FRONTEND}\n}}",
            f"map firewall-ips {{\n type {_FRONTEND}\n}}",
            "map service-nodeports {\n type inet_proto . inet_service : verdict\n}",
            f"map service-ips {{\n type {_FRONTEND}\n elements = {{ {frontends} }}\n}}",
            "set cluster-ips {\n type ipv4_addr\n elements = {",
            ",\n".join(service.cluster_ip for service in known),
            "}\n}",
            _BASE,
            *(line for service in known for line in _service(service)),
            "}",
            "",
        )
    )


def _names(service: Service) -> tuple[str, str]:
    name = service.name.replace(":", "/tcp/")
    chain = f"service-{service.digest('port')[:8]}-{name}"
    endpoint = f"endpoint-{service.digest('endpoint')[:8]}-{name}__{service.endpoint}"
    return chain, f"{endpoint}/{service.endpoint_port}"


def _service(service: Service) -> Iterator[str]:
    chain, endpoint = _names(service)
    backend = f"{service.endpoint}:{service.endpoint_port}"
    frontend = f"ip daddr {service.cluster_ip} tcp dport {PORT}"
    yield f"chain {endpoint} {{"
    yield f" ip saddr {service.endpoint} jump mark-for-masquerade"
    yield f" meta l4proto tcp dnat to {backend}\n}}"
    yield f"chain {chain} {{"
    yield f" {frontend} ip saddr != {POD_PREFIX} jump mark-for-masquerade"
    yield f" numgen random mod 1 vmap {{ 0 : goto {endpoint} }}\n}}"
