"""What a caller may observe of a client at work: its requests and its retries."""

from typing import Protocol

from waybill.client.errors import ClientError


class Observer(Protocol):
    """Called in the client's event loop, so it must return at once."""

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """Take note of an answered request. ``target`` is a path, or a URL without its signature."""

    def retry(self, error: ClientError, seconds: float) -> None:
        """Take note of a failed request that is retried in so many seconds."""


class NoObserver:
    """Ignores everything."""

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """Ignore it."""

    def retry(self, error: ClientError, seconds: float) -> None:
        """Ignore it."""
