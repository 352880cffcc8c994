"""What is said of a MongoDB whose primary answers while no majority follows it."""

import asyncio
from typing import Any

import httpx

from tests.cluster.cluster import Cluster
from tests.forking import run_command
from tests.waiting import until


async def test_a_lost_majority_is_seen_by_readyz_and_doctor(cluster: Cluster, owner: str) -> None:
    mongo, service = cluster.mongo, cluster.service
    primary, secondaries = mongo.primary(), mongo.secondaries()
    await asyncio.to_thread(mongo.wait_until_healthy)
    # They vote, so the primary stays, and copy nothing.
    stop = {"configureFailPoint": "stopReplProducer"}
    async with (
        service.client(None) as client,
        # One request is enough: a patient client would repeat it for half a minute before the next look.
        service.client(owner) as uploader,
    ):

        async def ready(code: int) -> dict[str, Any] | None:
            answer = await client.get("/readyz")
            return answer.json() if answer.status_code == code else None

        async def is_unready() -> dict[str, Any] | None:
            # Any write that only the primary has.
            await asyncio.gather(_announce(uploader), return_exceptions=True)
            return await ready(503)

        for member in secondaries:
            member.command(stop | {"mode": "alwaysOn"})
        try:
            assert (await until(is_unready, "the API is not ready", 60))["mongodb"] == "unavailable"
            code, lines = await asyncio.to_thread(_doctor, service.env)
            assert primary.hello()["isWritablePrimary"]
        finally:
            for member in secondaries:
                member.command(stop | {"mode": "off"})
        await until(lambda: ready(200), "the API is ready", 60)
    assert code == 1
    assert [line for line in lines if "majority" in line and not line.startswith("ok")]
    await asyncio.to_thread(cluster.wait_until_healthy)


async def _announce(client: httpx.AsyncClient) -> None:
    body = {"name": "a", "size": 3, "contentType": "text/plain"}
    await client.post("/api/v1/files/upload-request", json=body, timeout=5)


def _doctor(env: Any) -> tuple[int, list[str]]:
    done = run_command("doctor", env=env)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()
