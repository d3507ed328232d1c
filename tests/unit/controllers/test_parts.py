"""The smaller parts of the operator: conditions, definitions, queue, settings, pools as read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controllers.conditions import Condition, Shown, condition_body, condition_of, read_condition
from controllers.definitions import may_replace
from lockgate.errors import ConfigError
from lockgate.model.address_pool import AddressPool
from lockgate.model.meta import ObjectRef, Problem
from lockgate.settings import read_operator_settings, read_settings
from lockgate.sources.crd import NUMBER, SCHEMA_VERSION
from lockgate.sources.kube.access import ApiFault
from lockgate.sources.kube.work_queue import WorkQueue
from lockgate.sources.parse import parse

REF = ObjectRef("Service", "shop", "a")


def test_a_condition_keeps_since_when_it_has_its_status() -> None:
    good = condition_of([], "Assigned", "all is well")
    bad = condition_of([Problem(REF, "spec", "Wrong", "it is wrong", "mend it")], "Assigned", "")
    assert (good.status, bad.status, bad.reason) == (True, False, "Wrong")
    assert bad.message == "spec: it is wrong; mend it"
    shown = Shown(Condition(False, "Other", ""), "2026-01-01T00:00:00Z")
    assert condition_body("T", bad, shown, 3)["lastTransitionTime"] == shown.since
    body = condition_body("T", good, shown, 3)
    assert body["lastTransitionTime"] != shown.since
    assert read_condition({"conditions": [body]}, "T") == Shown(good, body["lastTransitionTime"])
    assert read_condition({"conditions": [body]}, "U") is None
    assert read_condition({}, "T") is None


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (None, True),
        ({}, True),
        ({SCHEMA_VERSION: "0"}, True),
        ({SCHEMA_VERSION: str(NUMBER)}, True),
        ({SCHEMA_VERSION: str(NUMBER + 1)}, False),
        ({SCHEMA_VERSION: str(NUMBER * 10 + 10)}, False),
        ({SCHEMA_VERSION: "new"}, True),
    ],
)
def test_only_a_newer_definition_stays(annotations: dict[str, str] | None, expected: bool) -> None:
    assert may_replace({"metadata": {"annotations": annotations}}) == expected
    assert may_replace(None)


def test_a_key_that_fails_is_tried_again_and_the_others_are_not_held_up() -> None:
    tries: dict[str, int] = {}

    async def handle(key: str) -> bool:
        tries[key] = tries.get(key, 0) + 1
        if key == "bad" and tries[key] < 3:
            raise ApiFault(500, "no")
        return key != "idle"

    async def body() -> None:
        queue: WorkQueue[str] = WorkQueue("test", handle)
        work = asyncio.create_task(queue.run())
        queue.add(["bad", "good", "good", "idle"])
        async with asyncio.timeout(30):
            while tries.get("bad", 0) < 3:
                await asyncio.sleep(0.01)
                assert tries.get("good", 1) == 1
        while queue.failing:
            await asyncio.sleep(0.01)
        assert (queue.written, queue.faults) == (2, 2)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(body())


def test_settings_of_the_other_program_may_stand_in_the_environment() -> None:
    both = {"LOCKGATE_POD_CIDR_POOLS": "[]", "LOCKGATE_HTTP_PORT": "80"}
    assert read_operator_settings(both).operator_port == 9963
    assert read_settings(both)
    with pytest.raises(ConfigError, match="LOCKGATE_POOLS"):
        read_operator_settings({"LOCKGATE_POOLS": "[]"})


def pool(**spec: Any) -> tuple[list[Any], list[Problem]]:
    document = {
        "apiVersion": "lockgate.io/v1", "kind": "LockgateAddressPool",
        "metadata": {"name": "p"}, "spec": spec,
    }  # fmt: skip
    _, rows, problems = parse(document)
    return rows, problems


def test_a_pool_is_read() -> None:
    ends = {"start": "192.0.2.1", "stop": "192.0.2.9"}
    rows, problems = pool(cidrs=["198.51.100.7/24"], ranges=[ends], namespaces=["b", "a"])
    assert not problems
    expected = AddressPool(
        "p", ("198.51.100.0/24",), (("192.0.2.1", "192.0.2.9"),), namespaces=("a", "b")
    )
    assert rows == [expected]


@pytest.mark.parametrize(
    ("spec", "reason", "is_read"),
    [
        ({}, "MissingField", False),
        ({"cidrs": ["ten"]}, "InvalidCIDR", False),
        ({"cidrs": ["192.0.2.0/24"], "prefixes": []}, "UnknownField", False),
        ({"ranges": [{"start": "192.0.2.9", "stop": "192.0.2.1"}]}, "InvalidRange", True),
        ({"ranges": [{"start": "192.0.2.9", "stop": "::1"}]}, "InvalidRange", True),
        ({"ranges": [{"start": "192.0.2.9", "stop": ""}]}, "InvalidAddress", True),
    ],
)
def test_what_is_wrong_with_a_pool_is_said(
    spec: dict[str, Any], reason: str, is_read: bool
) -> None:
    rows, problems = pool(**spec)
    assert [problem.reason for problem in problems] == [reason]
    assert bool(rows) == is_read
