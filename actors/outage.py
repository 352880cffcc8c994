"""How jobs end in an outage."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from actors.instrumentation import cut_short
from waybill.platform.errors import ServiceUnavailable

log = structlog.get_logger(__name__)


@contextmanager
def reconciled() -> Iterator[None]:
    """End a job normally if an outage stops it.

    Its file stays due, and the reconciler sends messages for it while the outage lasts. Retries in addition
    would multiply, and their dead letters would hide those of real defects.
    """
    try:
        yield
    except ServiceUnavailable as error:
        cut_short()
        log.warning("job cut short: the reconciler sends another", error=error.message)
