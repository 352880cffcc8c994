"""Operations on whole folders: begin one, and wait for its end."""

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

from waybill.client.api import Api
from waybill.client.errors import ApiError, OperationFailed
from waybill.client.models import Operation

#: The pauses between two requests for an operation: the first, and the longest.
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0


class OperationOptions(TypedDict, total=False):
    """How to wait for an operation."""

    #: Called with the operation each time that it was requested, and with its end.
    progress: Callable[[Operation], object] | None
    #: Return when the operation has ended, which is the default. Otherwise return when it is accepted.
    wait: bool


async def run_operation(
    api: Api, path: str, body: Mapping[str, str], **options: Unpack[OperationOptions]
) -> Operation:
    """Begin an operation, and wait for its end.

    Raises:
        OperationFailed: it ended FAILED. No file was changed.
    """
    # A repeat after a broken connection must not begin another operation.
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    operation = Operation.from_json(await api.call("POST", path, body=body, headers=headers))
    if not options.get("wait", True):
        return operation
    progress = options.get("progress") or (lambda _: None)
    pause = FIRST_PAUSE_SECONDS
    while not operation.is_over:
        progress(operation)
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)
        operation = await get_operation(api, operation.id)
    progress(operation)
    if operation.failure_reason is not None:
        raise OperationFailed(operation)
    return operation


async def get_operation(api: Api, operation_id: str) -> Operation:
    """Return an operation. Raises ApiError if there is none."""
    # Other characters could form the path of another resource.
    if not re.fullmatch(r"[0-9A-Za-z_-]+", operation_id):
        detail = "The operation does not exist: this is not an id."
        raise ApiError(detail, code="operation_not_found", status=404)
    return Operation.from_json(await api.call("GET", f"/operations/{operation_id}"))
