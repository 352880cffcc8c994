"""The errors. Each has a stable ``code``, a ``detail`` for people, and the HTTP ``status``.

ClientError
├── ApiError                  the API refused; docs/reference/errors.md lists its codes
│   ├── UnexpectedAnswer      the response is not one of a Waybill server
│   ├── Unauthenticated       no token, or one that cannot be trusted
│   ├── Forbidden             a good token without the right to do this
│   ├── FileNotFound          no such file, or one of another owner
│   ├── InvalidInput          the request breaks a rule; ``context["fields"]`` says which
│   ├── FileTooLarge          more bytes than the service accepts
│   ├── ObjectMissing         the bytes have not arrived
│   ├── PartsMissing          not all parts have arrived
│   ├── IdempotencyConflict   the key was used for another request
│   ├── QuotaExceeded         the owner's files would exceed the quota
│   ├── WrongState            the file's status, or its deletion, does not allow this
│   ├── RateLimited           this owner sends too many requests
│   └── ServiceUnavailable    a server behind the API is unavailable
├── Unreachable               the API or the object store does not answer
├── StoreRefused              the object store refused a request
├── ContentChanged            a local file changed, or a download is not the verified content
├── OperationFailed           the move or deletion of a folder cannot be carried out
└── NotVerified               an upload ended FAILED or EXPIRED, or was deleted

The client retries temporary errors for its ``retry_seconds`` before it raises them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from waybill.platform.s3.error_codes import means_wrong_content

if TYPE_CHECKING:
    from waybill.client.models import File, Operation

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ClientError(Exception):
    """The base of all errors. ``status`` is the HTTP status, or None without a response."""

    code: str = "client_error"
    status: int | None = None
    #: Whether a retry can succeed, and the seconds to wait before it.
    is_temporary: bool = False
    retry_after: float = 0

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ApiError(ClientError):
    """The API refused. ``context`` is its problem document."""

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        status: int,
        context: Mapping[str, Any] = _NOTHING,
        retry_after: float = 0,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.context = context
        self.retry_after = retry_after
        self.is_temporary = status in {429, 502, 503, 504}


class UnexpectedAnswer(ApiError):
    """The response is not one of a Waybill server: the address is wrong, or a proxy answered."""

    def __init__(self, detail: str, *, status: int = 200, retry_after: float = 0) -> None:
        super().__init__(detail, code="unexpected_answer", status=status, retry_after=retry_after)


class Unauthenticated(ApiError):
    """No token, or one that cannot be trusted."""


class Forbidden(ApiError):
    """A good token without the right to do this."""


class FileNotFound(ApiError):
    """No such file, or one of another owner."""


class InvalidInput(ApiError):
    """The request breaks a rule; ``context["fields"]`` says which."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The problem of each field."""
        return self.context.get("fields") or _NOTHING


class FileTooLarge(ApiError):
    """More bytes than the service accepts."""


class ObjectMissing(ApiError):
    """The upload was completed before the bytes arrived."""


class PartsMissing(ApiError):
    """The upload was completed before all parts arrived."""


class IdempotencyConflict(ApiError):
    """The key was used for another request."""


class QuotaExceeded(ApiError):
    """The owner's files would exceed the quota."""


class WrongState(ApiError):
    """The file's status, or its deletion, does not allow this."""


class PreconditionFailed(ApiError):
    """The file has changed since its ETag was returned."""


class RateLimited(ApiError):
    """This owner sends too many requests."""


class ServiceUnavailable(ApiError):
    """A server behind the API is unavailable."""


#: The class of each error code of the API. Other codes raise ApiError.
BY_CODE: Mapping[str, type[ApiError]] = MappingProxyType(
    {
        "unauthenticated": Unauthenticated,
        "forbidden": Forbidden,
        "file_not_found": FileNotFound,
        "invalid_input": InvalidInput,
        "file_too_large": FileTooLarge,
        "object_missing": ObjectMissing,
        "parts_missing": PartsMissing,
        "idempotency_conflict": IdempotencyConflict,
        "quota_exceeded": QuotaExceeded,
        "wrong_state": WrongState,
        "precondition_failed": PreconditionFailed,
        "rate_limited": RateLimited,
        "service_unavailable": ServiceUnavailable,
    }
)


def error_of(problem: Mapping[str, Any], status: int, retry_after: float = 0) -> ApiError:
    """Return the error that a problem document of a response, or of one item of a batch, describes.

    Raises:
        KeyError, TypeError, ValueError: it is not a problem document of Waybill.
    """
    code, detail = str(problem["code"]), str(problem["detail"])
    return BY_CODE.get(code, ApiError)(
        detail,
        code=code,
        status=status,
        context=problem,
        retry_after=float(problem.get("retryAfter", retry_after)),
    )


class Unreachable(ClientError):
    """The API or the object store does not answer, or the connection broke."""

    code = "unreachable"
    is_temporary = True


#: Errors after which every other file would fail too.
FATAL = (Unauthenticated, Forbidden, Unreachable)


class StoreRefused(ClientError):
    """The object store refused a request. ``s3_code`` is the store's error code.

    ``is_wrong_content``: the checksum of the content is not the signed one.
    """

    code = "store_refused"

    def __init__(self, status: int, s3_code: str, s3_message: str = "") -> None:
        super().__init__(f"The object store answered {status} ({s3_code}).")
        self.status = status
        self.s3_code = s3_code
        self.is_wrong_content = means_wrong_content(s3_code, s3_message)
        # S3 asks for a retry after 500, after 503 (SlowDown), and after a body that arrived too slowly.
        self.is_temporary = status == 429 or status >= 500 or s3_code == "RequestTimeout"


class ContentChanged(ClientError):
    """A local file changed while it was sent, or the received content is not the verified one."""

    code = "content_changed"


class NotVerified(ClientError):
    """An upload ended FAILED or EXPIRED, or was deleted before it was verified. ``file`` has the details."""

    code = "not_verified"

    def __init__(self, file: "File") -> None:
        end = "deleted" if file.deleted_at else f"{file.status}"
        super().__init__(f"The upload of {file.name} ended {end}" + _because(file.failure_reason))
        self.file = file


class OperationFailed(ClientError):
    """An operation on a folder ended FAILED, and no file was changed. ``operation`` has the details."""

    code = "operation_failed"

    def __init__(self, operation: "Operation") -> None:
        super().__init__(f"The operation on {operation.folder} failed" + _because(operation.failure_reason))
        self.operation = operation


def _because(reason: str | None) -> str:
    return "." if reason is None else f": {reason}."
