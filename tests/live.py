"""Following files through either face."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.parity.faces import FILE, with_plain_metadata
from tests.service import Service
from tests.waiting import result

#: Seconds in which whatever is to come has come.
PATIENCE = 30


@dataclass(frozen=True)
class Told:
    """A file as a change left it, and where to go on."""

    file: Any
    position: str


class Refused(Exception):
    """Raised where nothing is told; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Ended(Exception):
    """Raised where something was to be told, and nothing more is."""


class Followed:
    """What one follower is told, in its order."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Told | None] = asyncio.Queue()
        #: Where to go on; known from the start where the face tells it then.
        self.position: str | None = None
        self.was_reset = False
        #: Whether a subscription was said to be over, for good.
        self.was_completed = False
        #: Why nothing more is told, by its code, where the face says so after it has begun.
        self.refusal: str | None = None

    def put(self, told: Told | None) -> None:
        if told is not None:
            self.position = told.position
        self._told.put_nowait(told)

    async def next(self) -> Told:
        """What is told next."""
        told = await result(self._told.get(), "something is told", PATIENCE)
        if told is None:
            raise Ended(self.refusal)
        return told

    async def end(self) -> None:
        """Wait for the end, before which nothing is told."""
        assert await result(self._told.get(), "the end is told", PATIENCE) is None

    async def until(self, condition: Any) -> list[Any]:
        """The files that are told, up to the first for which the condition holds."""
        files = [(await self.next()).file]
        while not condition(files[-1]):
            files.append((await self.next()).file)
        return files


class RestLive:
    """By server-sent events."""

    @staticmethod
    @asynccontextmanager
    async def follow(
        service: Service, token: str, file_id: str | None = None, after: str | None = None
    ) -> AsyncIterator[Followed]:
        headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": after} if after else {})
        parameters = {"id": file_id} if file_id else {}
        followed = Followed()
        async with (
            httpx.AsyncClient(base_url=service.address, headers=headers, timeout=PATIENCE) as client,
            client.stream("GET", "/api/v1/files/events", params=parameters) as response,
        ):
            if response.status_code != 200:
                await response.aread()
                raise Refused(response.json()["code"])
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            begun = asyncio.Event()
            reading = asyncio.create_task(_read_events(response, followed, begun))
            try:
                await begun.wait()
                yield followed
            finally:
                reading.cancel()


async def _read_events(response: httpx.Response, followed: Followed, begun: asyncio.Event) -> None:
    event: dict[str, str] = {}
    try:
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name:
                event[name] = value
                continue
            match event["event"]:
                case "reset":
                    followed.was_reset = True
                case "position":
                    followed.position = event["id"]
                case "file":
                    followed.put(Told(json.loads(event["data"]), event["id"]))
            if "id" in event:
                begun.set()
            event = {}
    except httpx.TransportError:
        pass  # the API was killed
    finally:
        begun.set()
        followed.put(None)


class GraphQLLive:
    """By graphql-transport-ws."""

    @staticmethod
    @asynccontextmanager
    async def follow(
        service: Service, token: str, file_id: str | None = None, after: str | None = None
    ) -> AsyncIterator[Followed]:
        followed = Followed()
        followed.position = after
        if file_id is None and after is None:
            # Nothing tells that it has begun. With a position it begins there, whenever that is.
            followed.position = after = await _change_id(service, token)
        async with graphql_socket(service) as socket:
            payload = {"Authorization": f"Bearer {token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            try:
                assert json.loads(await socket.recv())["type"] == "connection_ack"
            except ConnectionClosed:
                raise Refused({4403: "unauthenticated"}[socket.close_code]) from None
            field, declared = ("fileChanged(id: $id, after: $after)", "$id: ID!, $after: ID")
            if file_id is None:
                field, declared = ("filesChanged(after: $after)", "$after: ID")
            query = f"subscription({declared}) {{ told: {field} {{ {FILE} changeId }} }}"
            variables = {"id": file_id, "after": after}
            operation = {"query": query, "variables": {k: v for k, v in variables.items() if v is not None}}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
            reading = asyncio.create_task(_read_messages(socket, followed))
            try:
                yield followed
            finally:
                reading.cancel()


async def _change_id(service: Service, token: str) -> str | None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=service.address, headers=headers, timeout=PATIENCE) as client:
        answer = (await client.post("/graphql", json={"query": "{ changeId }"})).json()
    if answer.get("data") is None:
        raise Refused(answer["errors"][0]["extensions"]["code"])
    change_id: str = answer["data"]["changeId"]
    return change_id


async def _read_messages(socket: ClientConnection, followed: Followed) -> None:
    with suppress(ConnectionClosed):
        async for text in socket:
            message = json.loads(text, object_hook=with_plain_metadata)
            if message["type"] == "complete":
                followed.was_completed = True
                break
            payload = message["payload"]
            errors = payload if message["type"] == "error" else payload.get("errors")
            if errors:
                followed.refusal = errors[0]["extensions"]["code"]
                break
            file = payload["data"]["told"]
            followed.put(Told(file, file.pop("changeId")))
    followed.put(None)


def graphql_socket(service: Service) -> Any:
    """A WebSocket that nothing was sent to yet."""
    address = service.address.replace("http", "ws") + "/graphql"
    return connect(address, subprotocols=["graphql-transport-ws"], compression=None)  # type: ignore[list-item]
