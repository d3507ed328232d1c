"""DNS messages: what is asked, the refusal, and the addresses in an answer.

Source: RFC 1035.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from lockgate.policy.names import name_matches

REJECTIONS = {"refused": dns.rcode.REFUSED, "nxdomain": dns.rcode.NXDOMAIN}


def read_query(wire: bytes) -> dns.message.Message | None:
    """Return a query of one question, or None for anything else."""
    try:
        message = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return None
    is_answer = bool(message.flags & dns.flags.QR)
    return message if not is_answer and len(message.question) == 1 else None


def name_of(query: dns.message.Message) -> str:
    """Return the name that is asked for, lower-case and without its final dot."""
    return query.question[0].name.to_text().rstrip(".").lower()


def is_allowed(name: str, patterns: Iterable[str]) -> bool:
    """Say whether any pattern matches."""
    return any(name_matches(pattern, name) for pattern in patterns)


def rejection(query: dns.message.Message, how: str) -> bytes:
    """Return the answer to a query that is not allowed; ``how`` is a key of REJECTIONS."""
    answer = dns.message.make_response(query)
    answer.set_rcode(REJECTIONS[how])
    return answer.to_wire()


def addresses_of(answer: dns.message.Message) -> list[tuple[str, float]]:
    """Return the (address, TTL) pairs of an answer; aliases on the way do not matter.

    An IPv6 address that stands for an IPv4 one is that: it is where connections to it go.
    """
    return [
        (_plain(record.to_text()), float(rrset.ttl))
        for rrset in answer.answer
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for record in rrset
    ]


def _plain(text: str) -> str:
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
