"""Class each error of the store once: an outage, a fact about an object, or a defect of ours.

Facts (NoSuchKey, NoSuchUpload, InvalidPart, 412 and the like) are handled where they mean something. All
else that a store or a proxy before it refuses is an outage, our own credentials and clock included: a client
can do nothing but try again. What is left are requests that can never succeed, which are defects.

Sources: Amazon S3 API Reference, "Error responses"; MinIO, cmd/api-errors.go; SeaweedFS, weed/s3api/s3err.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from aiohttp import ClientError as TransferError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from waybill.platform.errors import ServiceUnavailable

#: Codes that mean an outage, with any status: some come with 400, 404 or 409, and DeleteObjects tells
#: codes of single objects without one.
_OUTAGE_CODES = frozenset(
    {
        *("InternalError", "ServiceUnavailable", "Busy", "SlowDown", "SlowDownRead", "SlowDownWrite"),
        *("TooManyRequests", "BandwidthLimitExceeded", "RequestTimeout", "RequestTimeTooSkewed"),
        *("OperationAborted", "ConditionalRequestConflict", "IncompleteBody"),
        *("XMinioServerNotInitialized", "XMinioBackendDown", "XMinioStorageFull"),
        # What is configured for us is wrong, or no longer right.
        *("NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled"),
        *("ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
        *("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect"),
        *("KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"),
    }
)

#: Statuses that mean an outage, with any code, beside 5xx.
_OUTAGE_STATUSES = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 408, 425, 429})

_NOT_IMPLEMENTED = 501

log = structlog.get_logger(__name__)


class StoreTimeout(ServiceUnavailable):
    """Raised when the store did not answer in time: it may have done what was asked."""

    def __init__(self) -> None:
        super().__init__("The object store")


@contextmanager
def map_store_errors() -> Iterator[None]:
    """Turn the store's outages into ours.

    Raises:
        StoreTimeout: the store did not answer in time.
        ServiceUnavailable: the store is unavailable, refuses us, or answers what is no answer.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except (ReadTimeoutError, ConnectTimeoutError, TimeoutError) as error:
        log.warning("object store unavailable: no answer in time", error=repr(error))
        raise StoreTimeout from error
    # A KeyError is a field that every answer of S3 has: this one is somebody else's.
    except (BotoCoreError, ResponseParserError, TransferError, OSError, KeyError) as error:
        log.warning("object store unavailable: no answer of S3", error=repr(error))
        raise ServiceUnavailable("The object store") from error
    except ClientError as error:
        if not _is_outage(error):
            raise
        log.warning("object store unavailable: request refused", status=status_of(error), code=code_of(error))
        raise ServiceUnavailable("The object store") from error


def means_outage(code: str) -> bool:
    """Whether a code that the store gives without a status is the store's own problem."""
    return code in _OUTAGE_CODES


def status_of(error: ClientError) -> int:
    """The HTTP status of the store's answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: ClientError) -> str:
    """S3's own word for it."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_outage(error: ClientError) -> bool:
    status, code = status_of(error), code_of(error)
    # Without S3's XML the driver takes the status for the code: a proxy has answered, or it was a HEAD.
    is_bare = code == "" or code.isdigit()
    is_broken = status >= 500 and status != _NOT_IMPLEMENTED
    return means_outage(code) or status in _OUTAGE_STATUSES or is_broken or is_bare
