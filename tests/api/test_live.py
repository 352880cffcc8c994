"""What only one of the APIs has: WebSocket's rules, and those of server-sent events."""

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.live import TIMEOUT_SECONDS, GraphQLLive, RestLive, graphql_socket
from tests.parity.apis import RestApi
from tests.service import Service

EVENTS = "/api/v1/files/events"


# Short, of 1970 and cut off, of the year 2106, and no number at all.
@pytest.mark.parametrize("position", ["82", "820000000100000001", "82FFFFFFFF00000001" + "2B0229296E04", "x"])
async def test_a_lost_position_is_answered_with_a_reset_and_goes_on(
    service: Service, owner: str, client: httpx.AsyncClient, position: str
) -> None:
    async with RestLive.follow(service, service.token(owner), after=position) as followed:
        assert followed.was_reset
        file = await RestApi(client).request(name="a", size=1)
        assert (await followed.next()).file["id"] == file.id


async def test_a_lost_position_is_an_error_in_graphql(service: Service, owner: str) -> None:
    async with GraphQLLive.follow(service, service.token(owner), after="82ABCDEF") as followed:
        await followed.end()
    assert followed.refusal == "changes_lost"


async def test_events_start_with_a_position_and_are_not_kept_by_proxies(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", EVENTS) as response:
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-store"
        lines = response.aiter_lines()
        first = [await anext(lines) for _ in range(4)]
    assert first[0] == "event: position"
    assert first[1].startswith("id: 82")
    assert first[2:] == ["data: {}", ""]


async def test_a_head_of_the_events_ends(client: httpx.AsyncClient) -> None:
    response = await client.head(EVENTS)
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )


async def test_an_unknown_parameter_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get(EVENTS, params={"file": "x"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")


async def closed(socket: Any) -> int:
    """The code with which the server closes."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed:
                code: int = socket.close_code
                return code


async def test_a_socket_is_closed_when_its_token_expires(service: Service, owner: str) -> None:
    # Five seconds of leeway come on top.
    token = service.token(owner, lifetime=timedelta(seconds=-3))
    async with graphql_socket(service) as socket:
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        )
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        assert await closed(socket) == 4403


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer x"}, {"Authorization": 1}])
async def test_a_socket_without_a_good_token_is_closed(service: Service, payload: Any) -> None:
    init = {"type": "connection_init"} | ({} if payload is None else {"payload": payload})
    async with graphql_socket(service) as socket:
        await socket.send(json.dumps(init))
        assert await closed(socket) == 4403


async def test_a_program_may_send_its_token_as_a_header(service: Service, owner: str) -> None:
    address = service.address.replace("http", "ws") + "/graphql"
    headers = {"Authorization": f"Bearer {service.token(owner)}"}
    async with connect(
        address,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers=headers,
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"


async def test_a_token_may_stand_among_headers(service: Service, owner: str) -> None:
    payload = {"headers": {"Authorization": f"Bearer {service.token(owner)}"}}
    async with graphql_socket(service) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"


async def test_nothing_can_be_asked_before_the_token(service: Service) -> None:
    async with graphql_socket(service) as socket:
        operation = {"query": "subscription { filesChanged { id } }"}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
        assert await closed(socket) == 4401


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type": {}}',
        json.dumps({"type": "é" * 200}),
        json.dumps({"type": "\ud800"}),
        '{"type": "complete", "id": {}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": [], "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": "x"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": 1}}',
        "[" * 20_000,
        "9" * 5_000,
    ],
    ids=lambda message: message[:90],
)
async def test_an_invalid_message_closes_the_socket(service: Service, owner: str, message: str) -> None:
    async with graphql_socket(service) as socket:
        payload = {"Authorization": f"Bearer {service.token(owner)}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        await socket.send(message)
        assert await closed(socket) == 4400


async def test_an_id_that_is_taken_closes_the_socket_however_long_it_is(service: Service, owner: str) -> None:
    async with graphql_socket(service) as socket:
        payload = {"Authorization": f"Bearer {service.token(owner)}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        operation = {"query": "subscription { filesChanged { id } }"}
        for _ in range(2):
            await socket.send(json.dumps({"id": "ü" * 200, "type": "subscribe", "payload": operation}))
        assert await closed(socket) == 4409


async def test_pages_of_other_origins_cannot_connect(service: Service) -> None:
    address = service.address.replace("http", "ws") + "/graphql"
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            address, subprotocols=[Subprotocol("graphql-transport-ws")], origin=Origin("http://evil.example")
        )
    assert refused.value.response.status_code == 403


async def test_errors_have_their_codes_on_a_socket_too(service: Service, owner: str) -> None:
    async with graphql_socket(service) as socket:
        payload = {"Authorization": f"Bearer {service.token(owner)}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        codes = {}
        for query in ("{ nothing }", '{ download(id: "x") { url } }'):
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
            message = json.loads(await socket.recv())
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            codes[query] = errors[0]["extensions"]["code"]
            if message["type"] == "next":
                assert json.loads(await socket.recv())["type"] == "complete"
    assert list(codes.values()) == ["invalid_input", "file_not_found"]


async def test_subscriptions_are_not_for_plain_requests(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription { filesChanged { id } }"})
    assert response.status_code == 400
    assert "graphql-transport-ws" in response.json()["errors"][0]["message"]


@pytest.fixture
def many_files() -> Iterator[None]:
    """More open files than are allowed by default."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_who_are_told_nothing_take_little_memory(
    service: Service, owner: str, client: httpx.AsyncClient
) -> None:
    for _ in range(100):
        await client.get("/api/v1/files")
    api = psutil.Process(service.api.pid)
    before = api.memory_info().rss
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {service.token(owner)}"}}
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": "subscription { filesChanged { id } }"}}
    async with AsyncExitStack() as sockets:
        for _ in range(1000):
            socket = await sockets.enter_async_context(graphql_socket(service))
            await socket.send(json.dumps(init))
            await socket.recv()
            await socket.send(json.dumps(subscribe))
        # All subscriptions are open: the last one receives its file.
        while True:
            await client.post("/api/v1/files/upload-request", json={"name": "a", "size": 1})
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    assert json.loads(await socket.recv())["type"] == "next"
                    break
        assert api.memory_info().rss - before < 100 * 1024**2


async def test_a_stop_ends_who_follows_in_order(disposable_service: Service) -> None:
    token = disposable_service.token("alice")
    async with (
        RestLive.follow(disposable_service, token) as by_events,
        GraphQLLive.follow(disposable_service, token, None, by_events.position) as by_socket,
    ):
        await asyncio.to_thread(disposable_service.api.stop)
        await by_events.end()
        await by_socket.end()
        # Or clients would not come back.
        assert not by_socket.was_completed
    log = disposable_service.api.log.read_text()
    assert disposable_service.api.exit_code() == 0
    # Uvicorn's word for what it had to cut off.
    assert "graceful" not in log
    assert '"level": "error"' not in log
