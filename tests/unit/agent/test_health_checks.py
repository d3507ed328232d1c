import asyncio
import json
import socket

from agent.forwarding.tables import HealthCheck
from agent.health_checks import HealthChecks
from lockgate.model.meta import ObjectRef
from lockgate.state import Table

KEY = ("shop", "web")
REF = ObjectRef("Service", *KEY)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ask(port: int) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def follow_the_table() -> None:
    table: Table[tuple[str, str], HealthCheck] = Table("health checks")
    port = free_port()
    checks = HealthChecks(table, "127.0.0.1")
    try:
        table.put(KEY, HealthCheck(REF, port, 2))
        await checks.serve()
        body = {"service": {"namespace": "shop", "name": "web"}, "localEndpoints": 2}
        assert await ask(port) == (200, body)
        table.put(KEY, HealthCheck(REF, port, 0))
        assert await ask(port) == (503, {**body, "localEndpoints": 0})
        table.delete(KEY)
        await checks.serve()
        with socket.socket() as after:
            assert after.connect_ex(("127.0.0.1", port)) != 0
    finally:
        await checks.close()


async def occupied() -> None:
    table: Table[tuple[str, str], HealthCheck] = Table("health checks")
    checks = HealthChecks(table, "127.0.0.1")
    try:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            table.put(KEY, HealthCheck(REF, port, 1))
            await checks.serve()
            (problem,) = checks.problems()
            assert (problem.ref, problem.reason) == (REF, "PortInUse")
        await checks.serve()
        assert checks.problems() == []
        assert (await ask(port))[0] == 200
    finally:
        await checks.close()


def test_the_answer_follows_the_endpoints_and_ends_with_the_service():
    asyncio.run(follow_the_table())


def test_an_occupied_port_is_a_problem_until_it_is_free():
    asyncio.run(occupied())
