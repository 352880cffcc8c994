"""A WebSocket whose client may close it at any time and send any message, without an error in our log.

Source: graphql-transport-ws, "Invalid message".
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from api.graphql.parameters import wrong_parameter

#: A close frame has up to 125 bytes, of which two are the code (RFC 6455, 5.5).
MAX_REASON_BYTES = 123


class Socket(ASGIWebSocketAdapter):
    """Distinguishes a closed WebSocket, and a message that is not JSON, from other errors."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield the messages.

        Raises:
            NonJsonMessageReceived: a message is not JSON, or has more depth or digits than Python reads.
        """
        try:
            received = super().iter_json(ignore_parsing_errors=ignore_parsing_errors)
            async with aclosing(received) as messages:
                async for message in messages:
                    yield message
        except (ValueError, RecursionError) as error:
            raise NonJsonMessageReceived from error

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message. Raises WebSocketDisconnected if the WebSocket is closed."""
        try:
            await super().send_json(message)
        except RuntimeError as error:
            # It was closed by us, for example because the token expired, or because the server stops.
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket, with the reason cut to the size of a close frame."""
        # Strawberry's reasons repeat what the client sent.
        cut_reason = reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
        await super().close(code, cut_reason)


class Handler(BaseGraphQLTransportWSHandler[Any, Any]):
    """Closes the WebSocket after an invalid message, and logs no operation that ended with its WebSocket."""

    async def handle_message(self, message: Any) -> None:
        """Handle one message, if it has the fields of its type."""
        if problem := _wrong_form(message):
            await self.handle_invalid_message(problem)
        else:
            await super().handle_message(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log the exception of an operation."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)


def _wrong_form(message: object) -> str | None:
    """Return what is wrong with the form of a message, or None."""
    if not isinstance(message, dict):
        return "A message must be a JSON object."
    if message.get("type") not in ("subscribe", "complete"):
        return None  # other types have no required field
    if not isinstance(message.get("id"), str):
        return "`id` must be a text."
    if message["type"] == "complete":
        return None
    payload = message.get("payload")
    if not isinstance(payload, dict) or payload.get("query") is None:
        return "`payload` must be an object with a `query`."
    return wrong_parameter(payload)
