"""The stream of changes (server-sent events): read, and taken up again where it broke.

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
    """One message of a stream; its ``id`` is None where it has none of its own."""

    kind: str
    id: str | None
    data: str


async def follow(api: Api, after: str | None, patience: float = math.inf) -> AsyncGenerator[Event, None]:
    """Changes as they happen; with the id of an event those since, first.

    Raises:
        ApiError: the server has no such stream (404), or the token is not trusted.
        Unreachable: it was away for longer than ``patience`` seconds, or than the client's patience.
    """
    trying = api.patience(patience)
    was_told = False
    while True:
        try:
            headers = {} if after is None else {"Last-Event-ID": after}
            async with api.stream("/files/events", headers) as lines:
                if after is None:
                    yield Event(None)
                async with aclosing(messages(lines)) as told:
                    async for message in told:
                        was_told = True
                        after = message.id or after
                        if message.kind == "file":
                            yield Event(File.of(json.loads(message.data)), after)
                        elif message.kind == "reset":
                            yield Event(None, after)
            raise Unreachable("The stream of events ended.")
        except ClientError as error:
            if was_told:
                # From here, and not from the last message, which may be a while ago.
                trying.renew()
                was_told = False
            await trying.after(error)


async def messages(lines: AsyncIterable[bytes]) -> AsyncGenerator[Message, None]:
    """The messages of a stream; one that is cut off at its end is none."""
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
            # An empty line; one that begins with a colon, to keep the line open, has no name but a value.
            case "" if line in {b"\n", b"\r\n"}:
                if data or identity is not None:
                    yield Message(kind, identity, "\n".join(data))
                kind, identity, data = "message", None, []
