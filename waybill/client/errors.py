"""The family of errors. Each has a stable ``code``, a ``detail`` in words, and the ``status`` it came with.

ClientError
├── ApiError                  the API refused; its codes are those of docs/reference/errors.md
│   ├── UnexpectedAnswer      what answered is not a Waybill server
│   ├── Unauthenticated       no token, or one that cannot be trusted
│   ├── Forbidden             a good token without the right to do this
│   ├── FileNotFound          no such file, or somebody else's
│   ├── InvalidInput          the request breaks a rule; ``context["fields"]`` says which
│   ├── FileTooLarge          more bytes than the service accepts
│   ├── ObjectMissing         the bytes have not arrived
│   ├── PartsMissing          not all parts have arrived
│   ├── IdempotencyConflict   the key was used for another announcement
│   ├── QuotaExceeded         the owner's files would take too much
│   ├── WrongState            the file's status, or its deletion, does not allow this
│   ├── RateLimited           more requests than this owner may send in a time
│   └── ServiceUnavailable    a server behind the API is away
├── Unreachable               the API or the object store does not answer
├── StoreRefused              the object store refused a request, in S3's words
├── ContentChanged            a local file changed meanwhile, or what came is not what was verified
└── NotVerified               an upload ended FAILED or EXPIRED, or was deleted

What is temporary was tried again before it is raised, for as long as the client's patience.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waybill.client.models import File

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ClientError(Exception):
    """Anything that went wrong. ``status`` is of HTTP, or None where nobody answered."""

    code: str = "client_error"
    status: int | None = None
    #: Whether a repeat may succeed, and seconds after which it is welcome.
    is_temporary: bool = False
    retry_after: float = 0

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ApiError(ClientError):
    """The API refused. ``context`` holds the facts of its problem document."""

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
    """The answer is not one of a Waybill server: the address is wrong, or a proxy answered in its place."""

    def __init__(self, detail: str, *, status: int = 200, retry_after: float = 0) -> None:
        super().__init__(detail, code="unexpected_answer", status=status, retry_after=retry_after)


class Unauthenticated(ApiError):
    """No token, or one that cannot be trusted."""


class Forbidden(ApiError):
    """A good token without the right to do this."""


class FileNotFound(ApiError):
    """No such file, or somebody else's."""


class InvalidInput(ApiError):
    """The request breaks a rule; ``context["fields"]`` says which."""

    @property
    def fields(self) -> Mapping[str, str]:
        """What is wrong in which field."""
        return self.context.get("fields") or _NOTHING


class FileTooLarge(ApiError):
    """More bytes than the service accepts."""


class ObjectMissing(ApiError):
    """Complete came before the bytes."""


class PartsMissing(ApiError):
    """Complete came before all parts."""


class IdempotencyConflict(ApiError):
    """The key was used for another announcement."""


class QuotaExceeded(ApiError):
    """The owner's files would take too much."""


class WrongState(ApiError):
    """The file's status, or its deletion, does not allow this."""


class PreconditionFailed(ApiError):
    """The file has changed since its ETag was returned."""


class RateLimited(ApiError):
    """More requests than this owner may send in a time."""


class ServiceUnavailable(ApiError):
    """A server behind the API is away."""


#: What each code of the API is raised as; any other is a plain ApiError.
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
    """Return the error that a problem document describes: an answer, or the outcome of one item of a batch.

    Raises:
        KeyError, TypeError, ValueError: it is none of Waybill's.
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


class StoreRefused(ClientError):
    """The object store refused a request; ``s3_code`` is its own word for why."""

    code = "store_refused"

    def __init__(self, status: int, s3_code: str) -> None:
        super().__init__(f"The object store answered {status} ({s3_code}).")
        self.status = status
        self.s3_code = s3_code
        # S3 itself says SlowDown by 503, and wants a repeat after 500 and after a body that came too slowly.
        self.is_temporary = status == 429 or status >= 500 or s3_code == "RequestTimeout"


class ContentChanged(ClientError):
    """A local file changed while it was sent, or what was received is not what was verified."""

    code = "content_changed"


class NotVerified(ClientError):
    """An upload ended FAILED or EXPIRED, or was deleted before it was verified. ``file`` tells more."""

    code = "not_verified"

    def __init__(self, file: "File") -> None:
        end = "deleted" if file.deleted_at else f"{file.status}"
        super().__init__(f"The upload of {file.name} ended {end}" + _because(file.failure_reason))
        self.file = file


def _because(reason: str | None) -> str:
    return "." if reason is None else f": {reason}."
