"""Tickets open one stream of events, for clients that cannot send a token."""

import asyncio
import math
import secrets
import time
from contextlib import AsyncExitStack
from urllib.parse import quote

import httpx
import pytest

from tests.service import Service
from waybill.events.tickets import EventTickets
from waybill.platform.errors import Unauthenticated
from waybill.platform.principal import Principal
from waybill.platform.redis import client as redis_client
from waybill.platform.redis.client import open_redis

EVENTS = "/api/v1/files/events"


async def ticket_of(client: httpx.AsyncClient) -> str:
    answer = await client.post(f"{EVENTS}/ticket")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json()["expiresAt"].endswith("Z")
    ticket: str = answer.json()["ticket"]
    return ticket


async def test_a_ticket_opens_one_stream_of_its_owner_and_is_not_logged(service: Service, owner: str) -> None:
    async with service.client(owner) as client, service.client(None) as anonymous:
        ticket = await ticket_of(client)
        url = f"{EVENTS}?ticket={ticket}"
        async with anonymous.stream("GET", url) as response:
            assert response.status_code == 200
            lines = response.aiter_lines()
            position = [await anext(lines) for _ in range(4)][1].removeprefix("id: ")
            file_id = (
                await client.post("/api/v1/files/upload-request", json={"name": "a", "size": 1})
            ).json()["file"]["id"]
            while not (line := await anext(lines)).startswith("data: {"):
                pass
            assert file_id in line
        for used in (url, f"{EVENTS}?ticket=", f"{EVENTS}?ticket={'a' * 5000}", f"{EVENTS}?ticket=%ff"):
            again = await anonymous.get(used)
            assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")
        # Where to go on is in the query, too.
        another = await ticket_of(client)
        async with anonymous.stream("GET", f"{EVENTS}?ticket={another}&after={quote(position)}") as response:
            lines = response.aiter_lines()
            while not (line := await anext(lines)).startswith('data: {"'):
                pass
            assert file_id in line
    written = service.api.log.read_text()
    assert ticket not in written
    assert another not in written


async def test_a_ticket_is_good_for_events_alone(service: Service, owner: str) -> None:
    async with service.client(owner) as client, service.client(None) as anonymous:
        ticket = await ticket_of(client)
        assert (await anonymous.get("/api/v1/usage", params={"ticket": ticket})).status_code == 401
        assert (await anonymous.post(f"{EVENTS}/ticket", params={"ticket": ticket})).status_code == 401
        bearer = {"Authorization": f"Bearer {ticket}"}
        assert (await anonymous.get(EVENTS, headers=bearer)).status_code == 401


async def test_a_stream_is_never_silent_for_long(service: Service, owner: str) -> None:
    async with service.client(owner) as client, client.stream("GET", EVENTS, timeout=30) as response:
        lines = response.aiter_lines()
        while await anext(lines) != ":":
            pass


async def test_of_several_processes_one_gets_a_ticket(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine Redis may take longer than a request waits for it.
    for name in ("CONNECT_TIMEOUT_SECONDS", "ANSWER_TIMEOUT_SECONDS", "REQUEST_TIMEOUT_SECONDS"):
        monkeypatch.setattr(redis_client, name, 60)
    until = time.time() + 100
    async with AsyncExitStack() as stack:
        processes = [
            EventTickets(
                await stack.enter_async_context(open_redis(service.settings.redis_url.get_secret_value()))
            )
            for _ in range(4)
        ]
        for principal in (Principal("alice", until=until), Principal("alice", until=math.inf)):
            ticket = (await processes[0].issue(principal)).ticket
            answers = await asyncio.gather(
                *(each.redeem(ticket) for each in processes * 4), return_exceptions=True
            )
            assert [each for each in answers if not isinstance(each, Unauthenticated)] == [principal]
        with pytest.raises(Unauthenticated):
            await processes[0].redeem(secrets.token_urlsafe(32))
