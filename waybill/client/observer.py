"""The interface through which a caller observes requests and retries."""

from typing import Protocol

from waybill.client.errors import ClientError


class Observer(Protocol):
    """Called in the client's event loop, so it must return at once."""

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """Observe an answered request. ``target`` is a path, or a URL without its signature."""

    def retry(self, error: ClientError, seconds: float) -> None:
        """Observe a failed request that is retried in ``seconds``."""


class NoObserver:
    """An observer that does nothing."""

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """Do nothing."""

    def retry(self, error: ClientError, seconds: float) -> None:
        """Do nothing."""
