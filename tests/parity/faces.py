"""The same operations through either face, with one form of outcome."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

FILE = (
    "id name size contentType status sha256 duplicateOf failureReason"
    " createdAt completedAt deletedAt purgedAt"
)


@dataclass(frozen=True)
class Outcome:
    """What an operation answered: data, or a code and its context."""

    data: Any
    code: str | None = None
    context: Any = None

    @property
    def id(self) -> str:
        file_id: str = (self.data.get("file") or self.data)["id"]
        return file_id


class RestFace:
    """Operations by /api/v1."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, **fields: Any) -> Outcome:
        return await self._call("POST", "/files/upload-request", content=json.dumps(fields))

    async def complete(self, file_id: str) -> Outcome:
        return await self._call("POST", f"/files/{file_id}/complete")

    async def get(self, file_id: str) -> Outcome:
        return await self._call("GET", f"/files/{file_id}")

    async def list(self, **filters: Any) -> Outcome:
        outcome = await self._call("GET", "/files", params=filters)
        if outcome.code is None:
            return Outcome({"items": outcome.data["items"], "next": outcome.data["nextCursor"]})
        return outcome

    async def download(self, file_id: str, disposition: str | None = None) -> Outcome:
        parameters = {} if disposition is None else {"disposition": disposition}
        return await self._call("GET", f"/files/{file_id}/download", params=parameters)

    async def delete(self, file_id: str) -> Outcome:
        return await self._call("DELETE", f"/files/{file_id}")

    async def _call(self, method: str, path: str, **arguments: Any) -> Outcome:
        headers = {"Content-Type": "application/json"} if "content" in arguments else None
        response = await self.client.request(method, f"/api/v1{path}", headers=headers, **arguments)
        body = response.json()
        if response.is_success:
            return Outcome(body)
        assert response.headers["content-type"] == "application/problem+json"
        assert body["status"] == response.status_code
        return Outcome(None, body["code"], body)


class GraphQLFace:
    """Operations by /graphql."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, **fields: Any) -> Outcome:
        outcome = await self._call(
            "requestUpload",
            "mutation($input: RequestUploadInput!) { requestUpload(input: $input) {"
            f" file {{ {FILE} }} upload {{ url method headers {{ name value }} expiresAt }} }} }}",
            input=fields,
        )
        upload = outcome.data and outcome.data["upload"]
        if upload:
            upload["headers"] = {header["name"]: header["value"] for header in upload["headers"]}
        return outcome

    async def complete(self, file_id: str) -> Outcome:
        return await self._call(
            "completeUpload", f"mutation($id: ID!) {{ completeUpload(id: $id) {{ {FILE} }} }}", id=file_id
        )

    async def get(self, file_id: str) -> Outcome:
        return await self._call("file", f"query($id: ID!) {{ file(id: $id) {{ {FILE} }} }}", id=file_id)

    async def list(self, **filters: Any) -> Outcome:
        names = {"limit": "first", "cursor": "after"}
        outcome = await self._call(
            "files",
            "query($first: Int, $after: String, $status: [FileStatus!], $name: String) {"
            " files(first: $first, after: $after, status: $status, name: $name) {"
            f" edges {{ cursor node {{ {FILE} }} }} pageInfo {{ hasNextPage endCursor }} }} }}",
            **{names.get(name, name): value for name, value in filters.items()},
        )
        if outcome.code is not None:
            return outcome
        page = outcome.data["pageInfo"]
        return Outcome(
            {
                "items": [edge["node"] for edge in outcome.data["edges"]],
                "next": page["endCursor"] if page["hasNextPage"] else None,
            }
        )

    async def download(self, file_id: str, disposition: str | None = None) -> Outcome:
        return await self._call(
            "download",
            "query($id: ID!, $disposition: Disposition) {"
            " download(id: $id, disposition: $disposition) { url method expiresAt } }",
            id=file_id,
            disposition=disposition and disposition.upper(),
        )

    async def delete(self, file_id: str) -> Outcome:
        return await self._call(
            "deleteFile", f"mutation($id: ID!) {{ deleteFile(id: $id) {{ {FILE} }} }}", id=file_id
        )

    async def _call(self, field: str, query: str, **variables: Any) -> Outcome:
        response = await self.client.post(
            "/graphql",
            # json.dumps escapes what is not ASCII, so that a lone surrogate can be sent at all.
            content=json.dumps({"query": query, "variables": variables}),
            headers={
                "Accept": "application/graphql-response+json",
                "Content-Type": "application/json",
            },
        )
        body = response.json()
        if "errors" in body:
            extensions = body["errors"][0]["extensions"]
            return Outcome(None, extensions["code"], extensions)
        return Outcome(body["data"][field])


Face = RestFace | GraphQLFace
