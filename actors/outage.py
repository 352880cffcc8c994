"""Jobs and outages."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from actors.instrumentation import cut_short
from waybill.platform.errors import ServiceUnavailable

log = structlog.get_logger(__name__)


@contextmanager
def reconciled() -> Iterator[None]:
    """End a job that met an outage as if it were done.

    Its file stays due and the reconciler sends another message, for as long as the outage lasts. Retries
    beside that would multiply, and a dead letter for each of them would bury those of real defects.
    """
    try:
        yield
    except ServiceUnavailable as error:
        cut_short()
        log.warning("job cut short, the reconciler sends another", error=error.message)
