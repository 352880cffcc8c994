"""Count and time operations, for REST and GraphQL."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from time import perf_counter
from typing import TypeVar

from api.errors import code_of
from waybill.platform.metrics import count_request

T = TypeVar("T")


async def measured(protocol: str, operation: str, work: Awaitable[T]) -> T:
    """Await one operation, and count its outcome and duration."""
    began = perf_counter()
    # If the client disconnects, the operation is cancelled.
    code = "cancelled"
    try:
        result = await work
        code = "ok"
        return result
    except Exception as error:
        code = code_of(error)
        raise
    finally:
        count_request(protocol, operation, code, perf_counter() - began)


async def followed(
    protocol: str, operation: str, changes: AsyncGenerator[T, None]
) -> AsyncGenerator[T, None]:
    """Yield the changes of one subscription, and count it when it ends. Usually its client ends it."""
    code = "ok"
    try:
        async with aclosing(changes):
            async for each in changes:
                yield each
    except Exception as error:
        code = code_of(error)
        raise
    finally:
        count_request(protocol, operation, code, None)
