"""Classify each error of the store: an outage, a fact about an object, or a defect of ours.

Facts (NoSuchKey, NoSuchUpload, InvalidPart, 412 and similar) are handled by the caller. Other refusals by the
store or a proxy are outages, also those of our credentials and our clock, because a client can only try
again. The rest are requests that can never succeed, which are defects.

Codes about sent content are in ``error_codes``.

Sources: Amazon S3 API Reference, "Error responses"; MinIO, cmd/api-errors.go; SeaweedFS, weed/s3api/s3err.
"""

import re
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

#: Codes that mean an outage, with any status. Some have 400, 404 or 409, and DeleteObjects returns codes
#: without a status.
_OUTAGE_CODES = frozenset(
    {
        *("InternalError", "ServiceUnavailable", "Busy", "SlowDown", "SlowDownRead", "SlowDownWrite"),
        *("TooManyRequests", "BandwidthLimitExceeded", "RequestTimeout", "RequestTimeTooSkewed"),
        *("OperationAborted", "ConditionalRequestConflict", "IncompleteBody"),
        *("XMinioServerNotInitialized", "XMinioBackendDown", "XMinioStorageFull"),
        # Our configuration is wrong, or no longer valid.
        *("NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled"),
        *("ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
        *("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect"),
        *("KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"),
    }
)

#: Statuses that mean an outage, with any code, in addition to 5xx.
_OUTAGE_STATUSES = frozenset({301, 302, 303, 307, 308, 401, 403, 407, 408, 425, 429})

_NOT_IMPLEMENTED = 501

_CODE = re.compile(rb"<Code>([^<]*)</Code>")

log = structlog.get_logger(__name__)


class StoreRefusal(Exception):
    """Raised when the store refuses a request.

    Args:
        status: the HTTP status.
        code: S3's error code; empty if there was none, as in a response to HEAD.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class StoreTimeout(ServiceUnavailable):
    """Raised when the store did not answer in time. It may have executed the request."""

    def __init__(self) -> None:
        super().__init__("The object store")


@contextmanager
def map_store_errors() -> Iterator[None]:
    """Convert outages of the store to ServiceUnavailable.

    Raises:
        StoreTimeout: the store did not answer in time.
        ServiceUnavailable: the store is unavailable, refuses us, or sends a malformed response.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except (ReadTimeoutError, ConnectTimeoutError, TimeoutError) as error:
        log.warning("object store unavailable: no answer in time", error=repr(error))
        raise StoreTimeout from error
    # KeyError: a field is missing that every response of S3 has, so this is not a response of S3.
    except (BotoCoreError, ResponseParserError, TransferError, OSError, KeyError) as error:
        log.warning("object store unavailable: no answer of S3", error=repr(error))
        raise ServiceUnavailable("The object store") from error
    except (StoreRefusal, ClientError) as error:
        status, code = status_of(error), code_of(error)
        if not _is_outage(status, code):
            raise
        log.warning("object store unavailable: request refused", status=status, code=code)
        raise ServiceUnavailable("The object store") from error


def code_in(body: bytes) -> str:
    """Return S3's error code in the body of a response; empty if it is not a response of S3."""
    found = _CODE.search(body)
    return found[1].decode(errors="replace") if found else ""


def means_outage(code: str) -> bool:
    """Return whether an error code without a status means an outage."""
    return code in _OUTAGE_CODES


def status_of(error: StoreRefusal | ClientError) -> int:
    """Return the HTTP status of the store's response."""
    if isinstance(error, StoreRefusal):
        return error.status
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: StoreRefusal | ClientError) -> str:
    """Return S3's error code."""
    if isinstance(error, StoreRefusal):
        return error.code
    return str(error.response.get("Error", {}).get("Code", ""))


def code_of_cause(error: ServiceUnavailable) -> str:
    """Return S3's error code of the refusal that was converted to ``error``, or nothing."""
    cause = error.__cause__
    return code_of(cause) if isinstance(cause, StoreRefusal | ClientError) else ""


def _is_outage(status: int, code: str) -> bool:
    # Without S3's XML the driver uses the status as the code: a proxy answered, or it was a HEAD.
    is_bare = code == "" or code.isdigit()
    is_broken = status >= 500 and status != _NOT_IMPLEMENTED
    return means_outage(code) or status in _OUTAGE_STATUSES or is_broken or is_bare
