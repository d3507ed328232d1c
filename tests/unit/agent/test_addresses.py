import pytest

from agent.ipam import Ipam
from agent.service_ips import ServiceIps
from lockgate.errors import ConfigError, WorkloadError
from lockgate.model.service import Service
from lockgate.settings import read_settings


def test_an_owner_keeps_its_addresses_and_the_first_of_a_prefix_is_reserved():
    prefixes = ("10.0.0.0/29", "fd00::/64")
    ipam = Ipam(prefixes)
    assert ipam.allocate("a") == ("10.0.0.2", "fd00::2")
    assert ipam.allocate("b") == ("10.0.0.3", "fd00::3")
    assert ipam.allocate("a") == ipam.addresses("a") == ("10.0.0.2", "fd00::2")
    again = Ipam(prefixes, ipam.state())
    assert again.allocate("b") == ("10.0.0.3", "fd00::3")
    assert again.allocate("c") == ("10.0.0.4", "fd00::4")


def test_a_released_address_is_the_last_to_be_given_again():
    ipam = Ipam(["10.0.0.0/29"])
    first = ipam.allocate("a")
    assert ipam.release("a") == first
    assert ipam.release("a") == ()
    assert [ipam.allocate(owner) for owner in "bcdef"][-1] == first


@pytest.mark.parametrize(
    ("prefixes", "setting"),
    [
        (("10.0.0.0/30", "fd00::/64"), r"10\.0\.0\.0/30.*LOCKGATE_POD_CIDR\)"),
        (("10.0.0.0/24", "fd00::/126"), r"fd00::/126.*LOCKGATE_POD_CIDR6"),
    ],
)
def test_exhaustion_of_a_family_names_the_prefix_and_keeps_nothing_of_the_other(
    prefixes: tuple[str, ...], setting: str
):
    ipam = Ipam(prefixes)
    ipam.allocate("a")
    with pytest.raises(WorkloadError, match=setting):
        ipam.allocate("b")
    assert ipam.allocate("a") == ("10.0.0.2", "fd00::2")
    assert ipam.owners() == ["a"]


def test_an_owner_from_before_ipv6_gets_the_address_it_lacks():
    ipam = Ipam(["10.0.0.0/24", "fd00::/64"], {"a": ["10.0.0.9"]})
    assert ipam.addresses("a") == ("10.0.0.9",)
    assert ipam.allocate("a") == ("10.0.0.9", "fd00::2")


def test_saved_leases_of_another_prefix_are_dropped():
    saved = {"a": ["10.0.0.2", "fd00::2"], "b": ["no"], "c": ["10.1.0.9"]}
    assert Ipam(["10.1.0.0/24"], saved).state() == {"c": ["10.1.0.9"]}
    with pytest.raises(ConfigError):
        Ipam(["10.1.0.1/24"])


def service(name: str, address: str | None = "", kind: str = "ClusterIP") -> Service:
    return Service("shop", name, kind, address)


def test_services_keep_their_addresses():
    ips = ServiceIps(["10.9.0.0/24"])
    assert ips.assign([service("b"), service("a")]) == {
        ("shop", "a"): ("10.9.0.2",),
        ("shop", "b"): ("10.9.0.3",),
    }
    again = ServiceIps(["10.9.0.0/24"], ips.state())
    assert again.assign([service("b"), service("0")])["shop", "b"] == ("10.9.0.3",)


def test_headless_external_and_declared_services_get_none():
    rows = [service("h", None), service("e", kind="ExternalName"), service("d", "10.9.0.2")]
    ips = ServiceIps(["10.9.0.0/24"])
    assert ips.assign([*rows, service("x")]) == {("shop", "x"): ("10.9.0.3",)}


def test_a_declared_address_wins_over_an_assigned_one():
    ips = ServiceIps(["10.9.0.0/24"])
    ips.assign([service("a")])
    assert ips.assign([service("a"), service("z", "10.9.0.2")]) == {("shop", "a"): ("10.9.0.3",)}


def test_a_service_without_address_is_a_problem_of_that_service():
    ips = ServiceIps(["10.9.0.0/30"])
    assert ips.assign([service("a"), service("b")]) == {("shop", "a"): ("10.9.0.2",)}
    assert [(row.ref.name, row.reason) for row in ips.problems] == [("b", "NoFreeAddress")]
    assert "10.9.0.0/30" in ips.problems[0].message


BOTH = ("10.9.0.0/24", "fd09::/112")


def dual(name: str, policy: str, *families: str, addresses: tuple[str, ...] = ()) -> Service:
    first, second = (*addresses, "", "")[:2]
    return Service(
        "shop", name, cluster_ip=first, second_cluster_ip=second, ip_families=families,  # type: ignore[arg-type]  # two words
        ip_family_policy=policy,  # type: ignore[arg-type]  # one of three
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asking", "given"),
    [
        (dual("a", "SingleStack"), ("10.9.0.2",)),
        (dual("a", "SingleStack", "IPv6"), ("fd09::2",)),
        (dual("a", "PreferDualStack"), ("10.9.0.2", "fd09::2")),
        (dual("a", "RequireDualStack", "IPv6"), ("fd09::2", "10.9.0.2")),
        (dual("a", "PreferDualStack", addresses=("fd09::7",)), ("fd09::7", "10.9.0.2")),
    ],
)
def test_a_service_gets_addresses_of_the_families_it_asks_for(
    asking: Service, given: tuple[str, ...]
):
    ips = ServiceIps(BOTH)
    assert ips.assign([asking]) == {("shop", "a"): given}
    assert ips.problems == ()
    again = ServiceIps(BOTH, ips.state())
    assert again.assign([dual("0", "PreferDualStack"), asking])["shop", "a"] == given


def test_a_service_with_all_the_addresses_it_asks_for_is_given_none():
    complete = dual("a", "RequireDualStack", addresses=("10.9.0.2", "fd09::2"))
    ips = ServiceIps(BOTH)
    assert ips.assign([complete, service("b")]) == {("shop", "b"): ("10.9.0.3",)}


def test_without_ipv6_who_prefers_it_has_ipv4_and_who_needs_it_is_told():
    rows = [
        dual("a", "PreferDualStack"),
        dual("b", "RequireDualStack"),
        dual("c", "SingleStack", "IPv6"),
    ]
    ips = ServiceIps(BOTH[:1])
    assert ips.assign(rows) == {("shop", "a"): ("10.9.0.2",), ("shop", "b"): ("10.9.0.3",)}
    found = [(row.ref.name, row.field, row.reason) for row in ips.problems]
    assert found == [(name, "spec.ipFamilies", "NoSuchFamily") for name in "bc"]
    assert "LOCKGATE_SERVICE_CIDR6" in ips.problems[0].fix


def test_ipv6_is_for_pods_the_agent_runs_unless_it_is_said():
    def prefixes(**said: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        settings = read_settings({}, **said)
        return settings.pod_prefixes, settings.service_prefixes

    four = (("10.77.0.0/24",), ("10.78.0.0/16",))
    assert prefixes() == ((*four[0], "fd77::/64"), (*four[1], "fd78::/112"))
    assert prefixes(source="kubernetes") == four
    assert prefixes(pod_cidr6="", service_cidr6="") == four
    asked = prefixes(source="kubernetes", pod_cidr6="fd01::/64", service_cidr6="fd02::/112")
    assert asked == ((*four[0], "fd01::/64"), (*four[1], "fd02::/112"))
    for wrong in ({"pod_cidr6": "10.0.0.0/8"}, {"pod_cidr": "fd00::/64"}, {"service_cidr6": "x"}):
        with pytest.raises(ConfigError):
            read_settings({}, **wrong)
