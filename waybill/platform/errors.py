"""All errors that callers can receive. Each has a stable code; REST and GraphQL decide how to render it.

WaybillError
├── Unauthenticated       the token is missing or not valid
├── Forbidden             the token is valid but does not allow this
├── FileNotFound          the file does not exist, or belongs to another owner
├── WebhookNotFound       the webhook does not exist, or belongs to another owner
├── DeliveryNotFound      the webhook has no such delivery
├── OperationNotFound     the operation does not exist, or belongs to another owner
├── InvalidInput          the request breaks a rule; names the fields
├── FileTooLarge          the file has more bytes than this service accepts
├── ObjectMissing         the bytes have not arrived
├── IdempotencyConflict   the key was used for another request
├── QuotaExceeded         the file would exceed the owner's quota
├── PartsMissing          some parts have not arrived
├── PreconditionFailed    the file has changed since the caller read it
├── WrongState            the file's status does not allow this
├── ChangesLost           the changes after a position are no longer known
├── TooManyWebhooks       the owner already has the most webhooks allowed
├── TooManySubscriptions  the owner has too many subscriptions at the same time
├── TooManyOperations     the owner has the most operations allowed that have not ended
├── WebhookDisabled       the webhook must be enabled first
├── StoreUnsupported      the object store lacks an operation that S3 has
├── RateLimited           the owner sends more requests than allowed
└── ServiceUnavailable    a server that Waybill needs is unavailable; try again

SettingsError             a setting is missing or wrong; raised at start only
InitError                 `waybill init` cannot continue; says what to change in the database
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class WaybillError(Exception):
    """An error that the caller can act on.

    ``message`` says what happened and what to do. ``context`` has facts for programs. The caller receives
    both, so they never contain a secret.
    """

    code: ClassVar[str]

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.context: Mapping[str, Any] = context


class Unauthenticated(WaybillError):
    """Raised when a request has no bearer token, or one that fails a check."""

    code = "unauthenticated"


class Forbidden(WaybillError):
    """Raised when the token is valid but does not allow the operation."""

    code = "forbidden"


class FileNotFound(WaybillError):
    """Raised for an id that is malformed, unknown or of another owner.

    Callers cannot distinguish the three.
    """

    code = "file_not_found"

    def __init__(self, file_id: str) -> None:
        super().__init__(
            "The file does not exist, or belongs to another owner. Check the id and the token.", id=file_id
        )


class WebhookNotFound(WaybillError):
    """Raised for the id of a webhook that is malformed, unknown or of another owner."""

    code = "webhook_not_found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(
            "The webhook does not exist, or belongs to another owner. Check the id and the token.",
            id=webhook_id,
        )


class DeliveryNotFound(WaybillError):
    """Raised for an id that no delivery of this webhook has, or whose delivery was removed after 30 days."""

    code = "delivery_not_found"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            "This webhook has no such delivery. Check the id; deliveries are removed after 30 days.",
            id=delivery_id,
        )


class OperationNotFound(WaybillError):
    """Raised for the id of an operation that is malformed, unknown or of another owner."""

    code = "operation_not_found"

    def __init__(self, operation_id: str) -> None:
        super().__init__(
            "The operation does not exist, or belongs to another owner. Check the id and the token;"
            " operations are removed 7 days after their end.",
            id=operation_id,
        )


class InvalidInput(WaybillError):
    """Raised when a request breaks a rule. ``fields`` maps each field to what is wrong with it."""

    code = "invalid_input"

    def __init__(self, fields: Mapping[str, str]) -> None:
        summary = "; ".join(f"{name}: {problem}" for name, problem in fields.items())
        super().__init__(f"The request is not valid. Correct these fields: {summary}", fields=dict(fields))


class FileTooLarge(WaybillError):
    """Raised when a declared size is over MAX_FILE_SIZE."""

    code = "file_too_large"


class ObjectMissing(WaybillError):
    """Raised by complete when the object store does not hold the object; the file stays PENDING."""

    code = "object_missing"


class IdempotencyConflict(WaybillError):
    """Raised when an idempotency key is used again with a different request."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request. Use a new key for each request.")


class QuotaExceeded(WaybillError):
    """Raised when the owner's quota has no room for a file. Sizes are in bytes."""

    code = "quota_exceeded"

    def __init__(self, *, size: int, used: int, limit: int) -> None:
        super().__init__(
            f"This file has {size} bytes, but {used} of the owner's {limit} bytes are used or reserved."
            " Delete files or abort open uploads, then try again.",
            size=size,
            used=used,
            limit=limit,
        )


class PartsMissing(WaybillError):
    """Raised by complete when the store lacks parts; the file stays PENDING. Lists up to ``MAX_LISTED``."""

    code = "parts_missing"
    MAX_LISTED: ClassVar[int] = 1000

    def __init__(self, file_id: str, missing: Sequence[int]) -> None:
        super().__init__(
            f"{len(missing)} parts have not arrived. Request their URLs, send them, and complete again.",
            id=file_id,
            missing=list(missing[: self.MAX_LISTED]),
            missingCount=len(missing),
        )


class WrongState(WaybillError):
    """Raised when the file's status, or its deletion, does not allow the operation."""

    code = "wrong_state"


class PreconditionFailed(WaybillError):
    """Raised when a file has none of the ETags in the caller's If-Match."""

    code = "precondition_failed"

    def __init__(self, file_id: str) -> None:
        super().__init__(
            "The file has changed since you read it. Get it again, and repeat with its new ETag.", id=file_id
        )


class ChangesLost(WaybillError):
    """Raised when the position to resume after is too old, or is not a position."""

    code = "changes_lost"

    def __init__(self) -> None:
        super().__init__(
            "The position to resume after is too old or not valid. List the files again, and subscribe"
            " without a position."
        )


class TooManyWebhooks(WaybillError):
    """Raised when an owner who has ``limit`` webhooks creates another."""

    code = "too_many_webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"An owner can have up to {limit} webhooks. Delete one first.", limit=limit)


class TooManySubscriptions(WaybillError):
    """Raised when an owner who has ``limit`` subscriptions at this process opens another."""

    code = "too_many_subscriptions"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"An owner can have up to {limit} streams and subscriptions at the same time. Close one, or share"
            " the events of one.",
            limit=limit,
            retryAfter=30,
        )


class TooManyOperations(WaybillError):
    """Raised when an owner who has ``limit`` open operations requests another."""

    code = "too_many_operations"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"An owner can have up to {limit} open operations. Wait until one ends.",
            limit=limit,
            retryAfter=5,
        )


class WebhookDisabled(WaybillError):
    """Raised when a caller sends a message to a webhook that is disabled."""

    code = "webhook_disabled"

    def __init__(self, webhook_id: str) -> None:
        super().__init__("The webhook is disabled. Enable it, then try again.", id=webhook_id)


class StoreUnsupported(WaybillError):
    """Raised when the object store lacks an operation of S3, such as ListParts. A repeat cannot succeed."""

    code = "store_unsupported"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"The object store does not support {operation}, so it accepts no uploads in parts. Use another "
            "store: `waybill doctor` shows what it must support.",
            operation=operation,
        )


class RateLimited(WaybillError):
    """Raised when an owner sends more than ``limit`` allows. ``seconds``: when to try again."""

    code = "rate_limited"

    def __init__(self, limit: str, seconds: int) -> None:
        super().__init__(
            f"Too many requests: the limit is {limit}. Try again in {seconds} s.",
            limit=limit,
            retryAfter=seconds,
        )


class ServiceUnavailable(WaybillError):
    """Raised when MongoDB, the object store, Redis or the token issuer is unavailable."""

    code = "service_unavailable"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"{service} is unavailable. Nothing was lost: try again.", service=service, retryAfter=2
        )


class SettingsError(Exception):
    """Raised at start when a WAYBILL_* variable is missing or wrong. Names each variable, never its value."""


class InitError(Exception):
    """Raised by `waybill init` if the database prevents an index. Says what to change."""
