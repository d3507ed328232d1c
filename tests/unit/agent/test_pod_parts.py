from dataclasses import replace
from pathlib import Path

from agent.hosts_file import hosts_text, write_in_place
from agent.network import container_id, host_interface, netns_name
from agent.pod_process import Process
from agent.pod_record import ContainerRecord, PodRecord, read_record, spec_digest, write_record
from agent.pod_supervisor import backoff
from lockgate.model.workload import Container, Pod


def test_namespaces_have_plain_names_unless_that_is_ambiguous():
    assert netns_name("shop", "web-0") == "lg-shop-web-0"
    assert netns_name("a-b", "c") != netns_name("a", "b-c")
    assert len(netns_name("shop", "x" * 253)) == 200
    assert netns_name("shop", "x" * 253) != netns_name("shop", "x" * 252 + "y")


def test_a_device_is_found_by_pod_and_by_container():
    assert host_interface("shop/web") == host_interface(container_id("shop", "web"))
    assert len(host_interface("f" * 64)) == 10


def test_backoff_doubles_up_to_half_a_minute():
    assert [backoff(failures) for failures in (0, 1, 2, 5, 5000)] == [1, 2, 4, 30, 30]


def test_short_names_are_for_the_own_namespace():
    text = hosts_text({("shop", "web"): ("10.9.0.2", "fd00::9")}, "shop", ["10.0.0.2 me"])
    assert "10.0.0.2 me\n" in text
    assert "10.9.0.2 web.shop.svc.cluster.local web.shop.svc web.shop web\n" in text
    assert "fd00::9 web.shop.svc.cluster.local web.shop.svc web.shop web\n" in text
    assert hosts_text({("shop", "web"): ("10.9.0.2",)}, "other").endswith("web.shop\n")


def test_a_hosts_file_keeps_its_inode(tmp_path: Path):
    path = tmp_path / "deep" / "hosts"
    write_in_place(path, "a long text\n")
    inode = path.stat().st_ino
    write_in_place(path, "short\n")
    assert (path.stat().st_ino, path.read_text()) == (inode, "short\n")


def test_a_record_is_read_as_written_and_a_damaged_one_not_at_all(tmp_path: Path):
    rows = {"a": ContainerRecord(Process(5, 77), 2, -9, ready=True), "b": ContainerRecord()}
    record = PodRecord("shop", "web", "abc", ("10.0.0.2", "fd00::2"), rows)
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    (tmp_path / "state.json").write_text('{"schema": 2, "pod": {"containers": []}}')
    assert read_record(tmp_path) is None


def test_labels_do_not_restart_a_pod_but_commands_do():
    pod = Pod("shop", "web", containers=(Container("main", ("true",)),))
    assert spec_digest(pod) == spec_digest(
        replace(pod, labels=(("a", "b"),), addresses=("10.0.0.2",))
    )
    changed = replace(pod, containers=(Container("main", ("false",)),))
    assert spec_digest(pod) != spec_digest(changed)
