"""What a client does: send the bytes, and wait for the verdict."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from tests import waiting
from tests.parity.apis import ApiClient, Outcome

FINAL = {"COMPLETED", "DUPLICATE", "FAILED", "EXPIRED"}


async def put(upload: Mapping[str, Any], content: bytes | AsyncIterator[bytes]) -> httpx.Response:
    """Send the bytes with exactly the headers of the upload."""
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.request(
            upload["method"], upload["url"], headers=dict(upload["headers"]), content=content
        )


async def settled(api: ApiClient, file_id: str, seconds: float = 60) -> Any:
    """The file, once its status is final."""
    return await until(api, file_id, lambda file: file["status"] in FINAL, seconds)


async def purged(api: ApiClient, file_id: str, seconds: float = 60) -> Any:
    """The file, once its object has left the bucket."""
    return await until(api, file_id, lambda file: file["purgedAt"] is not None, seconds)


async def until(api: ApiClient, file_id: str, condition: Any, seconds: float = 60) -> Any:
    """The file, once the condition holds of it."""
    seen = None

    async def look() -> Any:
        nonlocal seen
        seen = await api.get(file_id)
        assert seen.code is None, seen
        return seen.data if condition(seen.data) else None

    return await waiting.until(look, lambda: seen, seconds)


async def uploaded(api: ApiClient, content: bytes, **fields: Any) -> Outcome:
    """Request, send and complete; the answer to complete."""
    requested = await api.request(**{"name": "file.bin", "size": len(content), **fields})
    assert requested.code is None, requested
    response = await put(requested.data["upload"], content)
    assert response.status_code == 200, response.text
    return await api.complete(requested.id)


async def stored(api: ApiClient, content: bytes, **fields: Any) -> Any:
    """Upload, and wait for the verdict; the file as it ended."""
    return await settled(api, (await uploaded(api, content, **fields)).id)
