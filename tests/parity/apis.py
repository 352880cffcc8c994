"""The same operations through either API, with one form of outcome."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

FILE = (
    "id name size contentType folder metadata { key value } status sha256 duplicateOf failureReason"
    " createdAt completedAt deletedAt purgedAt"
)
UPLOAD = "url method headers { name value } contentLength expiresAt"
OPERATION = "id kind folder to status done total failureReason createdAt finishedAt"
REQUESTED = f"file {{ {FILE} }} upload {{ {UPLOAD} }} multipart {{ partSize partCount expiresAt }}"
LIST_ARGUMENTS = {
    "first": "Int",
    "after": "String",
    "status": "[FileStatus!]",
    "name": "String",
    "q": "String",
    "contentType": "String",
    "createdAfter": "DateTime",
    "createdBefore": "DateTime",
    "minSize": "BigInt",
    "maxSize": "BigInt",
    "deleted": "Boolean",
    "folder": "String",
    "recursive": "Boolean",
    "metadata": "[MetadataInput!]",
    "sort": "FileSort",
    "order": "SortOrder",
}


@dataclass(frozen=True)
class Outcome:
    """What an operation answered: data, or a code and its context."""

    data: Any
    code: str | None = None
    context: Any = None
    message: str = ""

    @property
    def id(self) -> str:
        file_id: str = (self.data.get("file") or self.data)["id"]
        return file_id


class RestApi:
    """Operations by /api/v1."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, key: str | None = None, **fields: Any) -> Outcome:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self._call("POST", "/files/upload-request", content=json.dumps(fields), headers=headers)

    async def usage(self) -> Outcome:
        return await self._call("GET", "/usage")

    async def usage_history(self) -> Outcome:
        return await self._call("GET", "/usage/history")

    async def restore(self, file_id: str) -> Outcome:
        return await self._call("POST", f"/files/{file_id}/restore")

    async def request_many(self, items: Sequence[Any], key: str | None = None) -> Outcome:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = json.dumps({"items": items})
        return await self._call("POST", "/files/batch/upload-request", content=body, headers=headers)

    async def complete_many(self, ids: Sequence[str]) -> Outcome:
        return await self._call("POST", "/files/batch/complete", content=json.dumps({"ids": ids}))

    async def delete_many(self, ids: Sequence[str]) -> Outcome:
        return await self._call("POST", "/files/batch/delete", content=json.dumps({"ids": ids}))

    async def complete(self, file_id: str) -> Outcome:
        return await self._call("POST", f"/files/{file_id}/complete")

    async def get(self, file_id: str) -> Outcome:
        return await self._call("GET", f"/files/{file_id}")

    async def update(self, file_id: str, if_match: str | None = None, **changes: Any) -> Outcome:
        headers = {"Content-Type": "application/merge-patch+json"}
        if if_match is not None:
            headers["If-Match"] = if_match
        return await self._call("PATCH", f"/files/{file_id}", content=json.dumps(changes), headers=headers)

    async def etag(self, file_id: str) -> str:
        response = await self.client.get(f"/api/v1/files/{file_id}")
        return str(response.headers["etag"])

    async def list(self, **filters: Any) -> Outcome:
        pairs = {f"metadata.{key}": value for key, value in filters.pop("metadata", {}).items()}
        outcome = await self._call("GET", "/files", params=filters | pairs)
        if outcome.code is None:
            names = {"items": "items", "nextCursor": "next", "totalCount": "total"}
            return Outcome({names[name]: value for name, value in outcome.data.items()})
        return outcome

    async def folders(self, **filters: Any) -> Outcome:
        outcome = await self._call("GET", "/folders", params=filters)
        if outcome.code is None:
            items = [item["folder"] for item in outcome.data["items"]]
            return Outcome({"items": items, "next": outcome.data["nextCursor"]})
        return outcome

    async def move_folder(self, source: Any, to: Any, key: str | None = None) -> Outcome:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = json.dumps({"from": source, "to": to})
        return await self._call("POST", "/folders/move", content=body, headers=headers)

    async def delete_folder(self, folder: Any, key: str | None = None) -> Outcome:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = json.dumps({"folder": folder})
        return await self._call("POST", "/folders/delete", content=body, headers=headers)

    async def operation(self, operation_id: str) -> Outcome:
        return await self._call("GET", f"/operations/{operation_id}")

    async def download(self, file_id: str, disposition: str | None = None) -> Outcome:
        parameters = {} if disposition is None else {"disposition": disposition}
        return await self._call("GET", f"/files/{file_id}/download", params=parameters)

    async def delete(self, file_id: str) -> Outcome:
        return await self._call("DELETE", f"/files/{file_id}")

    async def refresh(self, file_id: str) -> Outcome:
        return await self._call("POST", f"/files/{file_id}/upload-url")

    async def request_parts(self, file_id: str, numbers: Sequence[int], **fields: Any) -> Outcome:
        body = {"partNumbers": [*numbers]} | fields
        return await self._call("POST", f"/files/{file_id}/parts", content=json.dumps(body))

    async def parts(self, file_id: str) -> Outcome:
        return await self._call("GET", f"/files/{file_id}/parts")

    async def _call(self, method: str, path: str, **arguments: Any) -> Outcome:
        headers = arguments.pop("headers", {})
        if "content" in arguments:
            headers.setdefault("Content-Type", "application/json")
        response = await self.client.request(method, f"/api/v1{path}", headers=headers, **arguments)
        body: Any = response.json() if response.content else None
        if response.is_success:
            return Outcome(body)
        assert response.headers["content-type"] == "application/problem+json"
        assert body["status"] == response.status_code
        return Outcome(None, body["code"], body, body["detail"])


class GraphQLApi:
    """Operations by /graphql."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, key: str | None = None, **fields: Any) -> Outcome:
        outcome = await self._call(
            "requestUpload",
            "mutation($input: RequestUploadInput!, $key: String) {"
            f" requestUpload(input: $input, idempotencyKey: $key) {{ {REQUESTED} }} }}",
            input=fields,
            key=key,
        )
        return _with_plain_headers(outcome)

    async def restore(self, file_id: str) -> Outcome:
        return await self._call(
            "restoreFile", f"mutation($id: ID!) {{ restoreFile(id: $id) {{ {FILE} }} }}", id=file_id
        )

    async def request_many(self, items: Sequence[Any], key: str | None = None) -> Outcome:
        outcome = await self._call(
            "requestUploads",
            "mutation($inputs: [RequestUploadInput!]!, $key: String) {"
            " requestUploads(inputs: $inputs, idempotencyKey: $key) {"
            f" results {{ {REQUESTED} error {{ code message }} }} }} }}",
            inputs=items,
            key=key,
        )
        for result in (outcome.data or {}).get("results", ()):
            _with_plain_headers(Outcome(result))
        return outcome

    async def complete_many(self, ids: Sequence[str]) -> Outcome:
        return await self._many("completeUploads", ids)

    async def delete_many(self, ids: Sequence[str]) -> Outcome:
        return await self._many("deleteFiles", ids)

    async def _many(self, field: str, ids: Sequence[str]) -> Outcome:
        return await self._call(
            field,
            f"mutation($ids: [ID!]!) {{ {field}(ids: $ids) {{"
            f" results {{ id file {{ {FILE} }} error {{ code message }} }} }} }}",
            ids=ids,
        )

    async def usage(self) -> Outcome:
        return await self._call("usage", "{ usage { used reserved limit files } }")

    async def usage_history(self) -> Outcome:
        query = "{ usageHistory { days { date size files } types { type size files } } }"
        return await self._call("usageHistory", query)

    async def refresh(self, file_id: str) -> Outcome:
        return _with_plain_headers(
            await self._call(
                "refreshUpload",
                f"mutation($id: ID!) {{ refreshUpload(id: $id) {{ {REQUESTED} }} }}",
                id=file_id,
            )
        )

    async def request_parts(self, file_id: str, numbers: Sequence[int], **fields: Any) -> Outcome:
        if "sha256" in fields:
            fields["sha256"] = [
                {"partNumber": int(number), "sha256": sha256} for number, sha256 in fields["sha256"].items()
            ]
        return _with_plain_headers(
            await self._call(
                "requestParts",
                "mutation($id: ID!, $numbers: [Int!]!, $sha256: [PartSha256Input!]) {"
                " requestParts(id: $id, partNumbers: $numbers, sha256: $sha256) {"
                f" parts {{ partNumber {UPLOAD} }} }} }}",
                id=file_id,
                numbers=[*numbers],
                **fields,
            )
        )

    async def parts(self, file_id: str) -> Outcome:
        return await self._call(
            "parts",
            "query($id: ID!) { parts(id: $id) {"
            " partSize partCount expiresAt parts { partNumber size etag } } }",
            id=file_id,
        )

    async def complete(self, file_id: str) -> Outcome:
        return await self._call(
            "completeUpload", f"mutation($id: ID!) {{ completeUpload(id: $id) {{ {FILE} }} }}", id=file_id
        )

    async def get(self, file_id: str) -> Outcome:
        return await self._call("file", f"query($id: ID!) {{ file(id: $id) {{ {FILE} }} }}", id=file_id)

    async def update(self, file_id: str, if_match: str | None = None, **changes: Any) -> Outcome:
        return await self._call(
            "updateFile",
            "mutation($id: ID!, $input: UpdateFileInput!, $ifMatch: String) {"
            f" updateFile(id: $id, input: $input, ifMatch: $ifMatch) {{ {FILE} }} }}",
            id=file_id,
            input=changes,
            ifMatch=if_match,
        )

    async def etag(self, file_id: str) -> str:
        outcome = await self._call("file", "query($id: ID!) { file(id: $id) { etag } }", id=file_id)
        return str(outcome.data["etag"])

    async def list(self, totalCount: bool = False, **filters: Any) -> Outcome:  # noqa: N803
        names = {"limit": "first", "cursor": "after"}
        enums = {"createdAt": "CREATED_AT", "name": "NAME", "size": "SIZE", "asc": "ASC", "desc": "DESC"}
        given = {names.get(name, name): value for name, value in filters.items()}
        given |= {name: enums.get(given[name], given[name]) for name in ("sort", "order") if name in given}
        types = ", ".join(f"${name}: {LIST_ARGUMENTS[name]}" for name in given)
        arguments = ", ".join(f"{name}: ${name}" for name in given)
        outcome = await self._call(
            "files",
            f"query{f'({types})' if types else ''} {{ files{f'({arguments})' if arguments else ''} {{"
            f" edges {{ cursor node {{ {FILE} }} }} pageInfo {{ hasNextPage endCursor }}"
            f" {'totalCount again: totalCount' if totalCount else ''} }} }}",
            **given,
        )
        if outcome.code is not None:
            return outcome
        page = outcome.data["pageInfo"]
        return Outcome(
            {
                "items": [edge["node"] for edge in outcome.data["edges"]],
                "next": page["endCursor"] if page["hasNextPage"] else None,
                "total": outcome.data.get("totalCount"),
            }
        )

    async def folders(
        self, folder: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Outcome:
        outcome = await self._call(
            "folders",
            "query($folder: String, $first: Int, $after: String) {"
            " folders(folder: $folder, first: $first, after: $after) {"
            " edges { cursor node { folder } } pageInfo { hasNextPage endCursor } } }",
            folder=folder,
            first=limit,
            after=cursor,
        )
        if outcome.code is not None:
            return outcome
        page = outcome.data["pageInfo"]
        items = [edge["node"]["folder"] for edge in outcome.data["edges"]]
        return Outcome({"items": items, "next": page["endCursor"] if page["hasNextPage"] else None})

    async def move_folder(self, source: Any, to: Any, key: str | None = None) -> Outcome:
        return await self._call(
            "moveFolder",
            "mutation($from: String!, $to: String!, $key: String) {"
            f" moveFolder(from: $from, to: $to, idempotencyKey: $key) {{ {OPERATION} }} }}",
            **{"from": source, "to": to, "key": key},
        )

    async def delete_folder(self, folder: Any, key: str | None = None) -> Outcome:
        return await self._call(
            "deleteFolder",
            "mutation($folder: String!, $key: String) {"
            f" deleteFolder(folder: $folder, idempotencyKey: $key) {{ {OPERATION} }} }}",
            folder=folder,
            key=key,
        )

    async def operation(self, operation_id: str) -> Outcome:
        return await self._call(
            "operation", f"query($id: ID!) {{ operation(id: $id) {{ {OPERATION} }} }}", id=operation_id
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
            content=json.dumps({"query": query, "variables": _with_pairs(variables)}),
            headers={
                "Accept": "application/graphql-response+json",
                "Content-Type": "application/json",
            },
        )
        body = response.json(object_hook=with_plain_metadata)
        if "errors" in body:
            extensions = body["errors"][0]["extensions"]
            return Outcome(None, extensions["code"], extensions, body["errors"][0]["message"])
        return Outcome(body["data"][field])


def _with_plain_headers(outcome: Outcome) -> Outcome:
    """GraphQL's list of headers as REST's object."""
    data = outcome.data or {}
    for upload in [data.get("upload"), *data.get("parts", ())]:
        if upload is not None:
            upload["headers"] = {header["name"]: header["value"] for header in upload["headers"]}
    return outcome


def with_plain_metadata(found: dict[str, Any]) -> dict[str, Any]:
    """GraphQL's list of pairs as REST's object."""
    if isinstance(found.get("metadata"), list):
        found["metadata"] = {pair["key"]: pair["value"] for pair in found["metadata"]}
    return found


def _with_pairs(given: Any) -> Any:
    """REST's object of metadata as GraphQL's list of pairs, at any depth."""
    if isinstance(given, list):
        return [_with_pairs(each) for each in given]
    if not isinstance(given, dict):
        return given
    metadata = given.get("metadata")
    if isinstance(metadata, dict):
        pairs = [{"key": key, "value": value} for key, value in metadata.items()]
        return given | {"metadata": pairs}
    return {name: _with_pairs(value) for name, value in given.items()}


ApiClient = RestApi | GraphQLApi
