import pytest

from agent.forwarding.backends import NodeFacts
from agent.forwarding.balancers import pod_balancers
from lockgate.model.workload import Container, ContainerPort, Pod

NODE = NodeFacts("a", "", ("192.0.2.1", "2001:db8::1"))
FOUR, SIX = ("10.0.0.2", "fd00::2")


@pytest.mark.parametrize(
    ("addresses", "host_ip", "leads"),
    [
        ((FOUR, SIX), "", {"192.0.2.1": FOUR, "2001:db8::1": SIX}),
        ((SIX, FOUR), "0.0.0.0", {"192.0.2.1": FOUR}),
        ((FOUR, SIX), "2001:db8::1", {"2001:db8::1": SIX}),
        ((FOUR,), "", {"192.0.2.1": FOUR}),
        ((FOUR,), "::", {"2001:db8::1": FOUR}),
    ],
)
def test_a_host_port_leads_to_the_pods_address_of_its_family(
    addresses: tuple[str, ...], host_ip: str, leads: dict[str, str]
):
    port = ContainerPort("http", 80, "TCP", 8080, host_ip)
    pod = Pod("shop", "web", containers=(Container("c", ports=(port,)),), addresses=addresses)
    found = pod_balancers(pod, NODE)
    assert {row.frontend.address: row.backends for row in found} == {
        front: ((back, 80),) for front, back in leads.items()
    }
    assert {row.frontend.port for row in found} == {8080}
