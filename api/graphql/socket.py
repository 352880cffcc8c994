"""A WebSocket that is closed while something is being sent on it, which is no defect."""

from collections.abc import Mapping
from typing import Any

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler


class Socket(ASGIWebSocketAdapter):
    """Tells a closed WebSocket from whatever else goes wrong."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message. Raises WebSocketDisconnected where nobody can be sent anything any more."""
        try:
            await super().send_json(message)
        except RuntimeError as error:
            # Closed by us, as at the end of a token, or by the server that stops.
            raise WebSocketDisconnected from error


class Handler(BaseGraphQLTransportWSHandler[Any, Any]):
    """Logs no operation that ended with its WebSocket."""

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what an operation raised."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)
