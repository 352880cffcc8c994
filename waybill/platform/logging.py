"""Structured logs of Waybill and its libraries: one JSON object for each line, on stderr."""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

#: Seconds that the line of a request waits for others, so that they are written together.
WRITE_DELAY_SECONDS = 0.1


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # Uvicorn's second copy of a message, for terminals
    return event


def configure_logs(level: str) -> None:
    """Send every record of structlog and of logging through one formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_colours,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # At DEBUG these log requests with their signed URLs, which are secrets. So they never log below WARNING.
    for name in ("botocore", "aiobotocore", "boto3", "urllib3", "pymongo"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


class RequestLog:
    """Writes one line for each request, in the form of structlog.

    There are thousands of lines per second. Structlog and logging take about 60 µs for one, and this class 6.
    Lines are written together, because each write makes the event loop release the interpreter lock.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._waiting: list[str] = []

    def write(
        self, level: int, facts: tuple[tuple[str, Any], ...], ms: float, ids: Mapping[str, str]
    ) -> None:
        """Write a line within ``WRITE_DELAY_SECONDS``. Must be called on the event loop.

        ``facts`` must have few different values, because they are cached. ``ids`` must contain no
        character that JSON escapes.
        """
        if not self._logger.isEnabledFor(level):
            return
        given = "".join(f', "{name}": "{value}"' for name, value in ids.items())
        now = datetime.now(UTC).isoformat()[:-6]  # the zone
        start = _start_of_line(self._logger.name, level, facts)
        self._waiting.append(f'{start}, "ms": {ms:.1f}{given}, "timestamp": "{now}Z"}}\n')
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(WRITE_DELAY_SECONDS, self.flush)

    def flush(self) -> None:
        """Write all waiting lines."""
        lines = "".join(self._waiting)
        self._waiting.clear()
        sys.stderr.write(lines)
        sys.stderr.flush()


@lru_cache(1000)
def _start_of_line(logger: str, level: int, facts: tuple[tuple[str, Any], ...]) -> str:
    known = {"event": "request", **dict(facts), "level": logging.getLevelName(level).lower()}
    return json.dumps({**known, "logger": logger}).removesuffix("}")
