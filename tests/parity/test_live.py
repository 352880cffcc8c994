"""Changes of files are published: each once, in order, across broken connections and restarts."""

import asyncio
import json
import os
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidHandshake

from tests.live import Ended, GraphQLLive, Received, Refused, RestLive, graphql_socket
from tests.parity.apis import ApiClient, GraphQLApi
from tests.service import Service
from tests.uploads import purged, stored, uploaded


@pytest.fixture
def live(api_class: type[ApiClient]) -> Any:
    """How to follow files by the API of this run."""
    return GraphQLLive if api_class is GraphQLApi else RestLive


@pytest.fixture
def token(service: Service, owner: str) -> str:
    return service.token(owner)


def is_completed(file: Any) -> bool:
    return bool(file["status"] == "COMPLETED")


async def test_every_status_of_an_upload_is_told_in_order(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    async with live.follow(service, token) as followed:
        await uploaded(api, os.urandom(100))
        files = await followed.until(is_completed)
    assert [file["status"] for file in files] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert files[-1] == (await api.get(files[-1]["id"])).data


async def test_a_delete_and_its_purge_are_told(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    file = await stored(api, os.urandom(100))
    async with live.follow(service, token) as followed:
        await api.delete(file["id"])
        deleted, gone = await followed.until(lambda file: file["purgedAt"])
    assert (deleted["deletedAt"] is not None, deleted["purgedAt"]) == (True, None)
    assert gone == await purged(api, file["id"])


async def test_one_file_is_told_as_it_stands_and_then_as_it_changes(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    file = await stored(api, os.urandom(100))
    async with live.follow(service, token, file["id"]) as followed:
        assert (await followed.next()).file == file
        await api.request(name="another", size=1)
        await api.delete(file["id"])
        [deleted, gone] = await followed.until(lambda file: file["purgedAt"])
    assert {deleted["id"], gone["id"]} == {file["id"]}


async def test_one_file_never_goes_back_while_it_is_being_verified(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    order = ["PROCESSING", "COMPLETED"]
    for _ in range(5):
        completed = await uploaded(api, os.urandom(100))
        async with live.follow(service, token, completed.id) as followed:
            statuses = [file["status"] for file in await followed.until(is_completed)]
        assert statuses in (order, order[1:])


async def test_what_happened_meanwhile_is_told_to_whoever_comes_back(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    async with live.follow(service, token) as followed:
        await stored(api, os.urandom(100))
        first = [await followed.next() for _ in range(3)]
    missed = await stored(api, os.urandom(100))
    for place, received in enumerate(first):
        async with live.follow(service, token, after=received.position) as followed:
            files = await followed.until(lambda file: file["id"] == missed["id"] and is_completed(file))
        statuses = [each.file["status"] for each in first[place + 1 :]]
        assert [file["status"] for file in files] == [*statuses, "PENDING", "PROCESSING", "COMPLETED"]


async def test_one_file_is_taken_up_again_after_a_position(
    live: Any, service: Service, token: str, api: ApiClient
) -> None:
    file = await stored(api, os.urandom(100))
    async with live.follow(service, token, file["id"]) as followed:
        position = (await followed.next()).position
    await api.delete(file["id"])
    await api.request(name="another", size=1)
    async with live.follow(service, token, file["id"], after=position) as followed:
        [deleted, gone] = await followed.until(lambda file: file["purgedAt"])
    assert deleted["id"] == gone["id"] == file["id"]


async def test_nobody_is_told_of_the_files_of_others(
    live: Any, service: Service, token: str, api: ApiClient, stranger: ApiClient
) -> None:
    async with live.follow(service, token) as followed:
        await stored(stranger, os.urandom(100))
        mine = await api.request(name="mine", size=1)
        assert (await followed.next()).file["id"] == mine.id


async def test_a_file_that_is_not_there_cannot_be_followed(
    live: Any, service: Service, token: str, stranger: ApiClient
) -> None:
    foreign = await stranger.request(name="a", size=1)
    for file_id in (foreign.id, "0" * 24, "x"):
        assert await refusal(live, service, token, file_id) == "file_not_found"


async def refusal(live: Any, service: Service, token: str, file_id: str | None = None) -> str | None:
    try:
        async with live.follow(service, token, file_id) as followed:
            await followed.end()
            code: str | None = followed.refusal
            return code
    except Refused as refused:
        return refused.code


async def test_without_a_good_token_nothing_is_told(live: Any, service: Service, owner: str) -> None:
    expired = service.token(owner, lifetime=timedelta(seconds=-60))
    for token in ("x", expired):
        assert await refusal(live, service, token, "0" * 24) == "unauthenticated"


async def test_the_end_of_the_token_is_the_end(
    live: Any, service: Service, owner: str, api: ApiClient
) -> None:
    # Five seconds of leeway come on top.
    brief = service.token(owner, lifetime=timedelta(seconds=-3))
    file = await api.request(name="a", size=1)
    async with live.follow(service, brief, file.id) as followed:
        assert (await followed.next()).file["id"] == file.id
        await followed.end()
    assert await refusal(live, service, brief, file.id) == "unauthenticated"


async def test_nothing_is_missed_or_told_twice_while_the_api_is_killed(
    live: Any, disposable_service: Service
) -> None:
    async with disposable_service.client("alice") as client:
        api = GraphQLApi(client)
        ids = [(await api.request(name=f"{number}", size=1)).id for number in range(30)]
        received: list[Received] = []
        begun = asyncio.Event()
        follow = partial(live.follow, disposable_service, disposable_service.token("alice"))
        following = asyncio.create_task(_persist(follow, received, 2 * len(ids), begun))
        await begun.wait()
        for number, file_id in enumerate(ids):
            if number in {10, 20}:
                await asyncio.to_thread(disposable_service.api.kill)
                await asyncio.to_thread(disposable_service.api.restart)
                await _answered(client)
            assert (await api.delete(file_id)).code is None
        async with asyncio.timeout(60):
            await following
    assert [each.file["id"] for each in received if not each.file["purgedAt"]] == ids
    assert sorted(each.file["id"] for each in received if each.file["purgedAt"]) == sorted(ids)


async def _persist(follow: Any, received: list[Received], number: int, begun: asyncio.Event) -> None:
    """Receive so many changes. After a broken connection, resume after the last position."""
    position: str | None = None
    while len(received) < number:
        try:
            async with follow(after=position) as followed:
                position = position or followed.position
                begun.set()
                while len(received) < number:
                    received.append(await followed.next())
                    position = received[-1].position
        except (Ended, OSError, httpx.TransportError, InvalidHandshake):
            await asyncio.sleep(0.1)  # until the API answers again


async def _answered(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/healthz")).is_success:
                    return
            await asyncio.sleep(0.05)


async def test_an_owner_follows_so_often_and_no_more(
    live: Any, service: Service, token: str, owner: str, api: ApiClient
) -> None:
    limit = service.settings.owner_subscriptions
    file = await api.request(name="a", size=1)
    async with graphql_socket(service) as socket:
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        )
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        query = f'subscription {{ fileChanged(id: "{file.id}") {{ id }} }}'
        for number in range(limit):
            await socket.send(
                json.dumps({"id": str(number), "type": "subscribe", "payload": {"query": query}})
            )
        # Each subscription begins with the current file.
        assert {json.loads(await socket.recv())["type"] for _ in range(limit)} == {"next"}
        assert await _refusal(live, service, token) == "too_many_subscriptions"
        async with live.follow(service, service.token(f"not-{owner}")):
            pass
        await socket.send(json.dumps({"id": "0", "type": "complete"}))
        # The socket answers in order: once this one is refused, the other is over.
        async with asyncio.timeout(30):
            while await _refusal(live, service, token) is not None:
                pass


async def _refusal(live: Any, service: Service, token: str) -> str | None:
    """Why nothing can be followed, by its code."""
    try:
        # With a position: GraphQL then has something to say at once, or to refuse.
        async with httpx.AsyncClient(base_url=service.address) as client:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.post("/graphql", headers=headers, json={"query": "{ changeId }"})
            after = answer.json()["data"]["changeId"]
        async with live.follow(service, token, after=after) as followed:
            if live is RestLive:
                return None
            async with httpx.AsyncClient(base_url=service.address, headers=headers) as client:
                await client.post("/api/v1/files/upload-request", json={"name": "b", "size": 1})
            with suppress(Ended):
                await followed.next()
            code: str | None = followed.refusal
            return code
    except Refused as refused:
        return refused.code
