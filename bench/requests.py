"""What a request costs, against the least code that does the same I/O."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx

from bench.load import Target, load
from bench.measure import Row, at_least, compare
from bench.stand import OWNER, api_alone, served, uvicorn
from stack.stack import Stack

SECONDS = 4

UPLOAD_REQUEST: dict[str, Any] = {"name": "holiday.jpg", "size": 1_048_576, "contentType": "image/jpeg"}
REQUEST_UPLOAD = """
mutation RequestUpload($input: RequestUploadInput!) {
  requestUpload(input: $input) {
    file { id name size contentType status createdAt }
    upload { method url headers { name value } contentLength expiresAt }
  }
}
"""


def requests(stack: Stack) -> Iterator[Row]:
    """Request an upload, get and list, one API process, sixteen connections."""
    with (
        api_alone(stack) as service,
        served(service, *uvicorn("bench.floors.http:app")) as floor,
    ):
        token = service.token(OWNER)
        rest = f"{service.address}/api/v1/files"
        requested = Target(f"{rest}/upload-request", token, "POST", UPLOAD_REQUEST)
        by_graphql = {"query": REQUEST_UPLOAD, "variables": {"input": UPLOAD_REQUEST}}
        for _ in range(100):
            found = httpx.post(
                requested.url, json=UPLOAD_REQUEST, headers={"Authorization": f"Bearer {token}"}
            )
        file_id = found.json()["file"]["id"]

        yield compare(
            "request an upload, REST",
            rate(requested),
            "Starlette, one insert, one signature",
            rate(Target(f"{floor}/upload-request", token, "POST", UPLOAD_REQUEST)),
            unit="/s",
            goal=at_least(0.80),
        )
        yield compare(
            "request an upload, GraphQL",
            rate(Target(f"{service.address}/graphql", token, "POST", by_graphql)),
            "our REST",
            rate(requested),
            unit="/s",
            goal=at_least(0.60),
        )
        yield compare(
            "get a file",
            rate(Target(f"{rest}/{file_id}", token)),
            "Starlette, one find",
            rate(Target(f"{floor}/files/{file_id}", token)),
            unit="/s",
            goal=at_least(0.75),
        )
        yield compare(
            "list 20 files",
            rate(Target(rest, token)),
            "Starlette, one find",
            rate(Target(f"{floor}/files", token)),
            unit="/s",
            goal=at_least(0.75),
        )


def rate(target: Target, connections: int = 16) -> Callable[[], float]:
    """Measures how many of these requests are answered in a second."""
    load(target, seconds=1, connections=connections)
    return lambda: load(target, seconds=SECONDS, connections=connections).per_second
