"""What is read from DNS messages."""

import dns.message
import dns.rrset

from agent.dns_messages import addresses_of


def answer(kind: str, *addresses: str) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("www.world.test", kind))
    made.answer.append(dns.rrset.from_text("www.world.test.", 60, "IN", "CNAME", "a.world.test."))
    made.answer.append(dns.rrset.from_text("a.world.test.", 30, "IN", kind, *addresses))
    return made


def test_addresses_of_both_ip_families_are_learnt_behind_an_alias() -> None:
    assert addresses_of(answer("A", "192.0.2.1")) == [("192.0.2.1", 30.0)]
    assert addresses_of(answer("AAAA", "2001:DB8:0::1")) == [("2001:db8::1", 30.0)]


def test_an_ipv6_address_that_stands_for_an_ipv4_one_is_learnt_as_that() -> None:
    assert addresses_of(answer("AAAA", "::ffff:192.0.2.1")) == [("192.0.2.1", 30.0)]
