"""Structured logs: one JSON object a line on stderr, our own and the libraries' alike."""

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

#: Seconds that the line of a request may wait for others.
WRITE_DELAY_SECONDS = 0.1


def _without_colours(_: Any, __: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # Uvicorn's second copy of a message, for terminals
    return event


def configure_logs(level: str) -> None:
    """Send every log record of this process, structlog's and logging's, through one formatter."""
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
    # These write requests, with their signed URLs, at DEBUG: a secret in a log whatever our level.
    for name in ("botocore", "aiobotocore", "boto3", "urllib3", "pymongo"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


class RequestLog:
    """Writes one line for each request, as structlog would.

    There are thousands a second, and structlog and logging take some 60 µs for one, this 6. They are written
    together, for with each write the event loop lets go of the interpreter.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._waiting: list[str] = []

    def write(
        self, level: int, facts: tuple[tuple[str, Any], ...], ms: float, ids: Mapping[str, str]
    ) -> None:
        """Write a line within a tenth of a second. Called on the event loop.

        ``facts`` are the same few again and again. ``ids`` are written as they are, and must hold no
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
        """Write what waits to be written."""
        lines = "".join(self._waiting)
        self._waiting.clear()
        sys.stderr.write(lines)
        sys.stderr.flush()


@lru_cache(1000)
def _start_of_line(logger: str, level: int, facts: tuple[tuple[str, Any], ...]) -> str:
    known = {"event": "request", **dict(facts), "level": logging.getLevelName(level).lower()}
    return json.dumps({**known, "logger": logger}).removesuffix("}")
