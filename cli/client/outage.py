"""Notices about a server that does not answer."""

import math
import time
from collections.abc import Callable

from cli.client.verbosity import VERBOSITY, print_message, request_line
from waybill.client import ApiError, ClientError, RateLimited

#: Shorter outages are not reported, because the first retries follow quickly.
REPORT_AFTER_SECONDS = 2.0


class Outage:
    """The current outage, if there is one: when it began, and when the next retry is due."""

    def __init__(self) -> None:
        self._error: ClientError | None = None
        self._began = 0.0
        self._next_try = 0.0
        self._is_reported = False

    def failed(self, error: ClientError, seconds: float, report: Callable[[str], None]) -> None:
        """Record a failed request that is retried in ``seconds``, and report the outage once."""
        now = time.monotonic()
        if self._error is None:
            self._began, self._is_reported = now, False
        self._error, self._next_try = error, now + seconds
        if not self._is_reported and self._next_try - self._began >= REPORT_AFTER_SECONDS:
            self._is_reported = True
            report(f"{str(error).removesuffix('.')}: {self.notice()}")

    def ended(self) -> None:
        """Record that bytes moved."""
        self._error = None

    def answered(self, status: int) -> None:
        """Record that a request was answered. 429 and 5xx do not end an outage."""
        if status < 500 and status != 429:
            self._error = None

    @property
    def is_on(self) -> bool:
        """Whether the last request failed."""
        return self._error is not None

    def notice(self, *, short: bool = False) -> str:
        """Return one line about the outage and the next retry, or an empty string."""
        if self._error is None:
            return ""
        what = _what(self._error)
        seconds = math.ceil(self._next_try - time.monotonic())
        if seconds <= 0:
            return f"{what}, trying again" if short else f"{what}, retrying now"
        return f"{what}, next try in {seconds} s" if short else f"{what}, retrying (next try in {seconds} s)"


def _what(error: ClientError) -> str:
    if isinstance(error, RateLimited):
        return "too many requests"
    return f"server answers {error.status}" if isinstance(error, ApiError) else "server unreachable"


class OutageReport:
    """An observer for commands without progress: prints each outage, and with --verbose each request."""

    def __init__(self) -> None:
        self._outage = Outage()

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """See waybill.client.Observer."""
        self._outage.answered(status)
        if VERBOSITY.verbose:
            print_message(request_line(method, target, status, seconds))

    def retry(self, error: ClientError, seconds: float) -> None:
        """See waybill.client.Observer."""
        self._outage.failed(error, seconds, print_message)
