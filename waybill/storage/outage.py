"""Telling outages of the store from its answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError as TransferError
from botocore.exceptions import BotoCoreError, ClientError

from waybill.errors import ServiceUnavailable

#: Seconds until a question that a request waits for is given up. Jobs are more patient.
ANSWER_WITHIN = 1.5


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the store's outages (no answer, a broken transfer, any 5xx) into ours.

    Raises:
        ServiceUnavailable: the store is away.
    """
    try:
        yield
    except (BotoCoreError, TransferError, TimeoutError, OSError) as error:
        raise ServiceUnavailable("The object store") from error
    except ClientError as error:
        # Not 501, which the store cannot do at all.
        if status_of(error) in {500, 502, 503, 504} or code_of(error) == "NoSuchBucket":
            raise ServiceUnavailable("The object store") from error
        raise


def status_of(error: ClientError) -> int:
    """The HTTP status of the store's answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: ClientError) -> str:
    """S3's own word for it."""
    return str(error.response.get("Error", {}).get("Code", ""))
