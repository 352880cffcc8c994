"""Telling outages of MongoDB from its answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, CursorNotFound, PyMongoError

from waybill.errors import ServiceUnavailable

#: Milliseconds until a MongoDB is given up that does not answer. What requests ask is small and on an index.
ANSWER_WITHIN = 1200


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the driver's outages into ours.

    Raises:
        ServiceUnavailable: MongoDB did not answer in time.
    """
    try:
        yield
    except PyMongoError as error:
        # Timeouts have many classes: of the network, the pool, the server, and of a journal that stalls.
        # A transaction that met others once too often may be tried again as well.
        is_brief = error.timeout or error.has_error_label("TransientTransactionError")
        # A cursor goes with the server that it was opened on.
        if isinstance(error, ConnectionFailure | CursorNotFound) or is_brief:
            raise ServiceUnavailable("MongoDB") from error
        raise
