"""The family of errors. Each has a stable code; REST and GraphQL decide how a code is shown.

WaybillError
├── Unauthenticated       no token, or one that cannot be trusted
├── Forbidden             a good token without the right to do this
├── FileNotFound          no such file, or somebody else's
├── WebhookNotFound       no such webhook, or somebody else's
├── DeliveryNotFound      no such delivery of this webhook
├── InvalidInput          the request breaks a rule; names the fields
├── FileTooLarge          more bytes than this service accepts
├── ObjectMissing         the bytes have not arrived
├── IdempotencyConflict   the key was used for another announcement
├── QuotaExceeded         the owner's files would take too much
├── PartsMissing          not all parts have arrived
├── PreconditionFailed    the file has changed since the caller read it
├── WrongState            the file's status does not allow this
├── ChangesLost           what followed a position is not known any more
├── TooManyWebhooks       the owner has as many as there may be
├── TooManySubscriptions  the owner follows changes too often at the same time
├── WebhookDisabled       the webhook is to be enabled first
├── RateLimited           more requests than this owner may send in a time
└── ServiceUnavailable    a server that we need is unavailable; try again

SettingsError             a setting is missing or wrong; raised at start only
InitError                 `waybill init` cannot go on; says what to change in the database
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class WaybillError(Exception):
    """An outcome that the caller can act on.

    ``message`` says what was tried, what was found and what to do next. ``context`` holds facts that a
    program can use; it is shown to the caller and so never holds a secret.
    """

    code: ClassVar[str]

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.context: Mapping[str, Any] = context


class Unauthenticated(WaybillError):
    """Raised when a request carries no bearer token, or one that fails any check."""

    code = "unauthenticated"


class Forbidden(WaybillError):
    """Raised when the caller is known but may not do this."""

    code = "forbidden"


class FileNotFound(WaybillError):
    """Raised for an id that is malformed, unknown or another owner's: the three look alike on purpose."""

    code = "file_not_found"

    def __init__(self, file_id: str) -> None:
        super().__init__(
            "There is no such file. Check the id, and that the token is its owner's.", id=file_id
        )


class WebhookNotFound(WaybillError):
    """Raised for an id of a webhook as ``FileNotFound`` is for one of a file."""

    code = "webhook_not_found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(
            "There is no such webhook. Check the id, and that the token is its owner's.", id=webhook_id
        )


class DeliveryNotFound(WaybillError):
    """Raised for an id that no delivery of this webhook has, or that is forgotten by now."""

    code = "delivery_not_found"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            "This webhook has no such delivery. Deliveries are forgotten after 30 days.", id=delivery_id
        )


class InvalidInput(WaybillError):
    """Raised when a request breaks a rule. ``fields`` maps each field to what is wrong with it."""

    code = "invalid_input"

    def __init__(self, fields: Mapping[str, str]) -> None:
        summary = "; ".join(f"{name}: {problem}" for name, problem in fields.items())
        super().__init__(f"The request is not valid. {summary}", fields=dict(fields))


class FileTooLarge(WaybillError):
    """Raised when a declared size is over MAX_FILE_SIZE."""

    code = "file_too_large"


class ObjectMissing(WaybillError):
    """Raised by complete when the object store does not hold the object; the file stays PENDING."""

    code = "object_missing"


class IdempotencyConflict(WaybillError):
    """Raised when an idempotency key comes again with another announcement."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another upload. Use a new one for each upload.")


class QuotaExceeded(WaybillError):
    """Raised when an announced file does not fit into its owner's quota. Sizes are in bytes."""

    code = "quota_exceeded"

    def __init__(self, *, size: int, used: int, limit: int) -> None:
        super().__init__(
            f"The owner's files may take {limit} bytes; {used} are taken or reserved, this one has {size}."
            " Delete files, or let uploads expire that are not completed.",
            size=size,
            used=used,
            limit=limit,
        )


class PartsMissing(WaybillError):
    """Raised by complete when the store lacks parts; the file stays PENDING. Names up to ``SHOWN``."""

    code = "parts_missing"
    SHOWN: ClassVar[int] = 1000

    def __init__(self, file_id: str, missing: Sequence[int]) -> None:
        super().__init__(
            f"{len(missing)} parts have not arrived. Request their URLs and send them, then complete.",
            id=file_id,
            missing=list(missing[: self.SHOWN]),
            missingCount=len(missing),
        )


class WrongState(WaybillError):
    """Raised when the file's status, or its deletion, does not allow the operation."""

    code = "wrong_state"


class PreconditionFailed(WaybillError):
    """Raised when a file has none of the ETags that the caller demands."""

    code = "precondition_failed"

    def __init__(self, file_id: str) -> None:
        super().__init__(
            "The file has changed since you read it. Get it again, and repeat with its new ETag.", id=file_id
        )


class ChangesLost(WaybillError):
    """Raised where changes are to be told from after a position that is too long ago, or is none."""

    code = "changes_lost"

    def __init__(self) -> None:
        super().__init__("What changed since is not known any more. List the files, and follow from now on.")


class TooManyWebhooks(WaybillError):
    """Raised when an owner has ``limit`` webhooks and wants one more."""

    code = "too_many_webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"An owner may have {limit} webhooks. Delete one that is not needed.", limit=limit)


class TooManySubscriptions(WaybillError):
    """Raised when an owner follows changes ``limit`` times at this process and wants to once more."""

    code = "too_many_subscriptions"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"An owner may follow changes {limit} times at the same time. Close a stream or subscription,"
            " or follow once and share what it returns.",
            limit=limit,
            retryAfter=30,
        )


class WebhookDisabled(WaybillError):
    """Raised when something is to be sent by a webhook that is disabled."""

    code = "webhook_disabled"

    def __init__(self, webhook_id: str) -> None:
        super().__init__("The webhook is disabled. Enable it, then try again.", id=webhook_id)


class RateLimited(WaybillError):
    """Raised when an owner sends more than ``limit`` allows. ``seconds`` until the next is welcome."""

    code = "rate_limited"

    def __init__(self, limit: str, seconds: int) -> None:
        super().__init__(
            f"This owner may send {limit}. Try again in {seconds} s.", limit=limit, retryAfter=seconds
        )


class ServiceUnavailable(WaybillError):
    """Raised when MongoDB, the object store or the token issuer cannot be reached."""

    code = "service_unavailable"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"{service} cannot be reached. Nothing was lost: try again.", service=service, retryAfter=2
        )


class SettingsError(Exception):
    """Raised at start when a WAYBILL_* variable is missing or wrong. Names each, never its value."""


class InitError(Exception):
    """Raised by `waybill init` if the database does not admit what it builds. Says what to change."""
