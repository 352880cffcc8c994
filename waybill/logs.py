"""Structured logs: one JSON object a line on stderr, our own and the libraries' alike."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor


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
