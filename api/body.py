"""Read request bodies of limited size."""

from codecs import BOM_UTF8
from collections.abc import Collection
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

#: Real requests are much smaller.
MAX_BODY_BYTES = 64 * 1024


#: The media type of all bodies except patches.
JSON = "application/json"


async def read_json_body(request: Request, media_types: Collection[str] = (JSON,)) -> bytes:
    """Return the body, unparsed and without a byte order mark (RFC 8259, 8.1, lets a parser ignore one).

    Raises:
        HTTPException: 415 if the type is not one of the media types, 413 past ``MAX_BODY_BYTES``, 400
            if the client has closed the connection.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        listed = " or ".join(media_types)
        # RFC 5789, 2.2: the response to a patch in another format lists the accepted formats.
        headers = {"Accept-Patch": ", ".join(media_types)} if request.method == "PATCH" else None
        raise HTTPException(415, f"Send the body as JSON, with the header Content-Type: {listed}.", headers)
    return (await read_body(request, MAX_BODY_BYTES)).removeprefix(BOM_UTF8)


def parse_json(data: str | bytes) -> Any:
    """Parse JSON like the models of REST: UTF-8 only, no NaN, no lone surrogates, at most 200 levels.

    Raises:
        ValueError: the data is not such JSON. The message does not repeat it.
    """
    return from_json(data, allow_inf_nan=False)


async def discard_body(request: Request, limit: int) -> None:
    """Read and ignore a body of up to ``limit`` bytes, so that the connection can serve another request.

    Raises:
        HTTPException: 413 past ``limit``, 400 if the client has gone.
    """
    await read_body(request, limit)


async def read_body(request: Request, limit: int) -> bytes:
    """Return a body of up to ``limit`` bytes. Raises the same errors as ``discard_body``."""
    # Counted while it arrives, because Content-Length may be missing or wrong.
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                raise HTTPException(413, f"A request body may have up to {limit} bytes.")
    except ClientDisconnect:
        raise HTTPException(400, "The request ended before its body.") from None
    return bytes(body)
