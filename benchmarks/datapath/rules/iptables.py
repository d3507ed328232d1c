"""What kube-proxy gives to ``iptables-restore`` in its iptables mode.

A packet walks KUBE-SERVICES, one rule a Service, until its destination matches; then the chain of
the Service, then that of the endpoint, which translates the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.datapath.rules import MASQUERADE, POD_PREFIX, PORT, Service

_CHAINS = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")
_PORTALS = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
_FILTER = f"""*filter
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A FORWARD -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW {_PORTALS}
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW {_PORTALS}
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark {MASQUERADE}/{MASQUERADE} -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""


def rules(services: Iterable[Service]) -> str:
    """Return both tables."""
    known = list(services)
    chains = [*_CHAINS, *(name for service in known for name in _names(service))]
    lines = [
        "*nat",
        *(f":{name} - [0:0]" for name in chains),
        f"-A PREROUTING {_PORTALS}",
        f"-A OUTPUT {_PORTALS}",
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        f"-A KUBE-POSTROUTING -m mark ! --mark {MASQUERADE}/{MASQUERADE} -j RETURN",
        f"-A KUBE-POSTROUTING -j MARK --xor-mark {MASQUERADE}",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
        f"-A KUBE-MARK-MASQ -j MARK --or-mark {MASQUERADE}",
        *(line for service in known for line in _service(service)),
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
        "COMMIT",
        "",
    ]
    return _FILTER + "\n".join(lines)


def _names(service: Service) -> tuple[str, str]:
    return f"KUBE-SVC-{service.digest('port')}", f"KUBE-SEP-{service.digest('endpoint')}"


def _service(service: Service) -> Iterator[str]:
    chain, endpoint = _names(service)
    frontend = f"-d {service.cluster_ip}/32 -p tcp -m tcp --dport {PORT}"
    backend = f"{service.endpoint}:{service.endpoint_port}"
    about = f'-m comment --comment "{service.name}'
    yield f'-A KUBE-SERVICES {about} cluster IP" {frontend} -j {chain}'
    yield f'-A {chain} {about} cluster IP" {frontend} ! -s {POD_PREFIX} -j KUBE-MARK-MASQ'
    yield f'-A {chain} {about} -> {backend}" -j {endpoint}'
    yield f'-A {endpoint} {about}" -s {service.endpoint}/32 -j KUBE-MARK-MASQ'
    yield f'-A {endpoint} {about}" -p tcp -m tcp -j DNAT --to-destination {backend}'
