"""The stream of file changes (server-sent events), resumed after a broken connection.

Source: WHATWG HTML Standard, "Server-sent events".
"""

import json
import math
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass

from waybill.client.api import Api
from waybill.client.errors import ClientError, Unreachable
from waybill.client.models import Event, File


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream. ``id`` is None if the message has none."""

    kind: str
    id: str | None
    data: str


async def follow(
    api: Api, after: str | None, max_retry_seconds: float = math.inf
) -> AsyncGenerator[Event, None]:
    """Yield changes as they happen. With an event id, first those since that event.

    Raises:
        ApiError: the server has no such stream (404), or does not accept the token.
        Unreachable: it was unavailable for longer than ``max_retry_seconds``, or the client's retry time.
    """
    retry = api.new_retry(max_retry_seconds)
    has_received = False
    while True:
        try:
            headers = {} if after is None else {"Last-Event-ID": after}
            async with api.stream("/files/events", headers) as lines:
                if after is None:
                    yield Event(None)
                async with aclosing(messages(lines)) as received:
                    async for message in received:
                        has_received = True
                        after = message.id or after
                        if message.kind == "file":
                            yield Event(File.from_json(json.loads(message.data)), after)
                        elif message.kind == "reset":
                            yield Event(None, after)
            raise Unreachable("The stream of events ended.")
        except ClientError as error:
            if has_received:
                # The retry time starts now, not at the last message.
                retry.reset()
                has_received = False
            await retry.wait_after(error)


async def messages(lines: AsyncIterable[bytes]) -> AsyncGenerator[Message, None]:
    """Yield the messages of a stream. An incomplete message at its end is ignored."""
    kind, identity, data = "message", None, list[str]()
    async for line in lines:
        name, _, value = line.decode().rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "id":
                identity = value
            case "data":
                data.append(value)
            # An empty line ends a message. A keep-alive comment (":") has an empty name too, but a value.
            case "" if line in {b"\n", b"\r\n"}:
                if data or identity is not None:
                    yield Message(kind, identity, "\n".join(data))
                kind, identity, data = "message", None, []
