"""A receiver of webhooks that answers as a test requires."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook as Verifier

from tests.service import free_port
from tests.waiting import until


@dataclass(frozen=True)
class Message:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        kind: str = self.content["type"]
        return kind

    def verified(self, secret: str) -> Any:
        """The content, if the secret has signed it. Raises as the library of the specification does."""
        return Verifier(secret).verify(self.body, self.headers)


def _accepting(_: Message) -> web.Response:
    return web.Response(status=204)


@dataclass
class Receiver:
    """Keeps what it is sent. ``answer`` may be a function of its own for each test, and asynchronous."""

    address: str
    messages: list[Message] = field(default_factory=list)
    answer: Callable[[Message], Any] = _accepting
    request: web.Request | None = None

    @property
    def url(self) -> str:
        return f"{self.address}/hooks"

    async def received(self, count: int, kind: str | None = None, seconds: float = 30) -> list[Message]:
        """The messages, all or of a kind, once there are so many."""

        def found() -> list[Message]:
            return [message for message in self.messages if kind in {None, message.type}]

        await until(lambda: len(found()) >= count, lambda: f"{count} messages: {self.messages}", seconds)
        return found()

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        message = Message(request.path_qs, headers, await request.read())
        self.messages.append(message)
        self.request = request
        answer = self.answer(message)
        response: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
        return response


@asynccontextmanager
async def running_receiver(**options: Any) -> AsyncIterator[Receiver]:
    """A receiver on this machine; ``options`` are those of aiohttp's site."""
    port = free_port()
    scheme = "https" if "ssl_context" in options else "http"
    receiver = Receiver(f"{scheme}://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    # Do not wait for responses that a test delays.
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, **options).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()
