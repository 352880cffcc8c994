"""How each error code is rendered: its HTTP status, problem document, and GraphQL extensions."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.headers import DEFAULT_HEADERS
from api.requests import HEADER, current_id
from waybill.platform.errors import WaybillError

log = structlog.get_logger(__name__)

STATUS = {
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "file_not_found": HTTPStatus.NOT_FOUND,
    "webhook_not_found": HTTPStatus.NOT_FOUND,
    "delivery_not_found": HTTPStatus.NOT_FOUND,
    "operation_not_found": HTTPStatus.NOT_FOUND,
    "invalid_input": HTTPStatus.UNPROCESSABLE_ENTITY,
    "file_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "object_missing": HTTPStatus.CONFLICT,
    "idempotency_conflict": HTTPStatus.CONFLICT,
    "quota_exceeded": HTTPStatus.FORBIDDEN,
    "parts_missing": HTTPStatus.CONFLICT,
    "precondition_failed": HTTPStatus.PRECONDITION_FAILED,
    "wrong_state": HTTPStatus.CONFLICT,
    "changes_lost": HTTPStatus.GONE,
    "too_many_webhooks": HTTPStatus.CONFLICT,
    "too_many_subscriptions": HTTPStatus.TOO_MANY_REQUESTS,
    "too_many_operations": HTTPStatus.TOO_MANY_REQUESTS,
    "webhook_disabled": HTTPStatus.CONFLICT,
    "store_unsupported": HTTPStatus.NOT_IMPLEMENTED,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "service_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    # Errors of HTTP itself.
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "request_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}

#: The message of a defect of ours. The details are in the log only.
INTERNAL_ERROR = "Internal error. It was logged with this requestId. You can repeat the request safely."

CODE_OF_STATUS = {
    400: "invalid_input",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "request_too_large",
    415: "unsupported_media_type",
}


class ProblemResponse(JSONResponse):
    """An error as a problem document (RFC 9457) with a stable ``code``."""

    media_type = "application/problem+json"


def problem(
    code: str, detail: str, headers: Mapping[str, str] | None = None, **context: Any
) -> ProblemResponse:
    """Return a response with a problem document."""
    body = problem_document(code, detail, **context)
    return ProblemResponse(body, STATUS[code].value, headers)


def problem_document(code: str, detail: str, **context: Any) -> dict[str, Any]:
    """Return a problem document (RFC 9457), of a response or of one item of a batch."""
    status = STATUS[code]
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        **context,
    }


def headers_of(code: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of an error, for REST and GraphQL."""
    if code == "unauthenticated":
        # RFC 6750, 3: no error attribute if no token was sent.
        return {"WWW-Authenticate": "Bearer"}
    if "retryAfter" in context:
        return {"Retry-After": str(context["retryAfter"])}
    return {}


def code_of(error: Exception) -> str:
    """Return the code of an error."""
    if isinstance(error, WaybillError):
        return error.code
    if isinstance(error, HTTPException):
        return CODE_OF_STATUS.get(error.status_code, "internal_error")
    return "internal_error"


def extensions_of(error: WaybillError) -> dict[str, Any]:
    """Return the GraphQL extensions of an error."""
    return {"code": error.code, **error.context}


async def show_waybill_error(request: Request, error: Exception) -> Response:
    """Render an error that a use-case raised."""
    assert isinstance(error, WaybillError)  # noqa: S101  # registered for this class alone
    return problem(error.code, error.message, headers_of(error.code, error.context), **error.context)


async def show_http_error(request: Request, error: Exception) -> Response:
    """Render an error of the router."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    return problem(code_of(error), error.detail, dict(error.headers or {}))


async def show_unexpected_error(request: Request, error: Exception) -> Response:
    """Log a defect of ours with its traceback, and render only its code and request id."""
    log.error("unexpected error", path=request.url.path, exc_info=error)
    request_id = current_id()
    # Starlette sends this response outside of all middleware.
    headers = {**DEFAULT_HEADERS, HEADER: request_id}
    return problem("internal_error", INTERNAL_ERROR, headers, requestId=request_id)


EXCEPTION_HANDLERS = {
    WaybillError: show_waybill_error,
    HTTPException: show_http_error,
    Exception: show_unexpected_error,
}
