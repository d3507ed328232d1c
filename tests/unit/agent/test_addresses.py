import pytest

from agent.ipam import Ipam
from agent.service_ips import ServiceIps
from lockgate.errors import ConfigError, WorkloadError
from lockgate.model.service import Service


def test_an_owner_keeps_its_address_and_the_first_is_reserved():
    ipam = Ipam("10.0.0.0/29")
    assert ipam.allocate("a") == "10.0.0.2"
    assert ipam.allocate("b") == "10.0.0.3"
    assert ipam.allocate("a") == "10.0.0.2"
    again = Ipam("10.0.0.0/29", ipam.state())
    assert again.allocate("b") == "10.0.0.3"
    assert again.allocate("c") == "10.0.0.4"


def test_a_released_address_is_the_last_to_be_given_again():
    ipam = Ipam("10.0.0.0/29")
    first = ipam.allocate("a")
    assert ipam.release("a") == first
    assert ipam.release("a") is None
    assert [ipam.allocate(owner) for owner in "bcdef"][-1] == first


def test_exhaustion_names_the_prefix_and_the_fix():
    ipam = Ipam("10.0.0.0/30")
    ipam.allocate("a")
    with pytest.raises(WorkloadError, match=r"10\.0\.0\.0/30.*LOCKGATE_POD_CIDR"):
        ipam.allocate("b")
    assert ipam.allocate("a") == "10.0.0.2"


def test_saved_leases_of_another_prefix_are_dropped():
    assert Ipam("10.1.0.0/24", {"a": "10.0.0.2", "b": "no", "c": "10.1.0.9"}).state() == {
        "c": "10.1.0.9"
    }
    with pytest.raises(ConfigError):
        Ipam("10.1.0.1/24")


def service(name: str, address: str | None = "", kind: str = "ClusterIP") -> Service:
    return Service("shop", name, kind, address)


def test_services_keep_their_addresses():
    ips = ServiceIps("10.9.0.0/24")
    assert ips.assign([service("b"), service("a")]) == {
        ("shop", "a"): "10.9.0.2",
        ("shop", "b"): "10.9.0.3",
    }
    again = ServiceIps("10.9.0.0/24", ips.state())
    assert again.assign([service("b"), service("0")])["shop", "b"] == "10.9.0.3"


def test_headless_external_and_declared_services_get_none():
    rows = [service("h", None), service("e", kind="ExternalName"), service("d", "10.9.0.2")]
    ips = ServiceIps("10.9.0.0/24")
    assert ips.assign([*rows, service("x")]) == {("shop", "x"): "10.9.0.3"}


def test_a_declared_address_wins_over_an_assigned_one():
    ips = ServiceIps("10.9.0.0/24")
    ips.assign([service("a")])
    assert ips.assign([service("a"), service("z", "10.9.0.2")]) == {("shop", "a"): "10.9.0.3"}


def test_a_service_without_address_is_a_problem_of_that_service():
    ips = ServiceIps("10.9.0.0/30")
    assert ips.assign([service("a"), service("b")]) == {("shop", "a"): "10.9.0.2"}
    assert [(row.ref.name, row.reason) for row in ips.problems] == [("b", "NoFreeAddress")]
    assert "10.9.0.0/30" in ips.problems[0].message
