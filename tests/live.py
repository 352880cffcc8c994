"""Following files through either API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.parity.apis import FILE, with_plain_metadata
from tests.service import Service
from tests.waiting import result

#: The timeout for each event.
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Received:
    """A file after a change, and the position to resume after."""

    file: Any
    position: str


class Refused(Exception):
    """Raised if a subscription is refused, with the ``code`` of the error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Ended(Exception):
    """Raised if a subscription ends while a change is expected."""


class Followed:
    """The changes that one subscriber receives, in order."""

    def __init__(self) -> None:
        self._received: asyncio.Queue[Received | None] = asyncio.Queue()
        #: The position to resume after; None at the start if the protocol does not send it then.
        self.position: str | None = None
        self.was_reset = False
        #: Whether a subscription was said to be over, for good.
        self.was_completed = False
        #: The code of an error that ended the subscription.
        self.refusal: str | None = None

    def put(self, received: Received | None) -> None:
        if received is not None:
            self.position = received.position
        self._received.put_nowait(received)

    async def next(self) -> Received:
        """Return the next change."""
        received = await result(self._received.get(), "a change is received", TIMEOUT_SECONDS)
        if received is None:
            raise Ended(self.refusal)
        return received

    async def end(self) -> None:
        """Wait for the end, and check that no change is received before it."""
        assert await result(self._received.get(), "the subscription ends", TIMEOUT_SECONDS) is None

    async def until(self, condition: Any) -> list[Any]:
        """Return the received files, up to the first that fulfils the condition."""
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
            httpx.AsyncClient(base_url=service.address, headers=headers, timeout=TIMEOUT_SECONDS) as client,
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
                    followed.put(Received(json.loads(event["data"]), event["id"]))
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
            # The protocol does not report that a subscription has begun. With a position it begins there.
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
            query = f"subscription({declared}) {{ received: {field} {{ {FILE} changeId }} }}"
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
    async with httpx.AsyncClient(
        base_url=service.address, headers=headers, timeout=TIMEOUT_SECONDS
    ) as client:
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
            file = payload["data"]["received"]
            followed.put(Received(file, file.pop("changeId")))
    followed.put(None)


def graphql_socket(service: Service) -> Any:
    """A WebSocket that nothing was sent to yet."""
    address = service.address.replace("http", "ws") + "/graphql"
    return connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None)
