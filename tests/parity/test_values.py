"""Both protocols take the same values, written the same way, and refuse the others with the same code."""

from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.service import Service

HUGE = "9" * 5000
DEEP = "[" * 300 + "]" * 300


@dataclass(frozen=True)
class Operation:
    """One operation of both protocols. ``VALUE`` in the bodies stands for a value as JSON."""

    path: str
    rest: str
    query: str
    variables: str

    def body(self, protocol: str, value: str, file_id: str) -> bytes:
        """Return the request's body with that value; some operations name a file."""
        body = self.rest
        if protocol == "graphql":
            body = f'{{"query": "{self.query}", "variables": {self.variables}}}'
        return body.replace("VALUE", value).replace("FILE_ID", file_id).encode("utf-8", "surrogatepass")


def upload_request(fields: str) -> Operation:
    """Return the request for an upload with these fields."""
    query = "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { file { name size } } }"
    return Operation("/files/upload-request", fields, query, f'{{"input": {fields}}}')


SIZE = upload_request('{"name": "a", "size": VALUE}')
NAME = upload_request('{"name": VALUE, "size": 1}')
TYPE = upload_request('{"name": "a", "size": 1, "contentType": VALUE}')
SHA256 = upload_request('{"name": "a", "size": 1, "sha256": VALUE}')
MULTIPART = upload_request('{"name": "a", "size": 1, "multipart": VALUE}')
PART_SIZE = upload_request('{"name": "a", "size": 1, "partSize": VALUE}')
FIELDS = upload_request('{"name": "a", "size": 1, VALUE}')
PARTS = Operation(
    "/files/FILE_ID/parts",
    '{"partNumbers": [VALUE]}',
    "mutation($id: ID!, $numbers: [Int!]!)"
    " { requestParts(id: $id, partNumbers: $numbers) { parts { partNumber } } }",
    '{"id": "FILE_ID", "numbers": [VALUE]}',
)
IDS = Operation(
    "/files/batch/complete",
    '{"ids": [VALUE]}',
    "mutation($ids: [ID!]!) { completeUploads(ids: $ids) { results { error { code } } } }",
    '{"ids": [VALUE]}',
)

BAD, BIG = "invalid_input", "file_too_large"

#: What each operation answers to a value: nothing if it takes it, or the code of its refusal.
VALUES: dict[str, tuple[Operation, dict[str, str | None]]] = {
    "size": (
        SIZE,
        {
            **dict.fromkeys(["0", "5", "5.0", "5e0", "1e3", "1E3", "-0", "-0.0", "1e-400", f"1.{'0' * 400}"]),
            **dict.fromkeys(["-1", "1.5", "-1e3", "1e400", "-1e400", "NaN", "Infinity", "-Infinity"], BAD),
            **dict.fromkeys(
                ['"5"', '"5.0"', '""', "true", "null", "[]", "[5]", "{}", "01", "+1", ".5", "5."], BAD
            ),
            **dict.fromkeys(["0x5", "5 5", "", HUGE, DEEP], BAD),
            **dict.fromkeys(["1e30", "9" * 30, "9007199254740993"], BIG),
        },
    ),
    "partSize": (
        PART_SIZE,
        {
            **dict.fromkeys(["null", "5242880", "5242880.0", "5.24288e6"]),
            **dict.fromkeys(["0", "-0", "5242880.5", '"5242880"', "true", "1e400", "1e300", "9" * 30], BAD),
        },
    ),
    "partNumbers": (
        PARTS,
        {
            **dict.fromkeys(["1", "1.0", "1e0", "1, 2", "1, 2.0"]),
            **dict.fromkeys(
                ["", "0", "-0", "1.5", '"1"', '"1.0"', "true", "null", "[1]", "1, 1.0", "1e400"], BAD
            ),
            **dict.fromkeys(["3", "10001", "2147483648", "1e30", "NaN", HUGE], BAD),
        },
    ),
    "multipart": (
        MULTIPART,
        {
            **dict.fromkeys(["true", "false", "null"]),
            **dict.fromkeys(['"true"', '""', "0", "1", "1.0", "[]", "True", "NaN"], BAD),
        },
    ),
    "name": (
        NAME,
        {
            **dict.fromkeys(['"a"', r'"\u00e9"', '"é"', r'"\ud83d\ude80"', r'"\u0061"', '"b"']),
            **dict.fromkeys(
                ["null", "5", "true", "[]", '["a"]', "'a'", '"a', r'"\x61"', '"\t"', r'"\u0000"'], BAD
            ),
            **dict.fromkeys([r'"\ud800"', r'"\ude80\ud83d"', '"\ud800"', '"\ufeff"'], BAD),
        },
    ),
    "contentType": (
        TYPE,
        {
            **dict.fromkeys(['"a/b"', "null", '""', r'"a\/b"', '"A/B"']),
            **dict.fromkeys(["5", "false", '["a/b"]', '"a"'], BAD),
        },
    ),
    "sha256": (
        SHA256,
        {
            **dict.fromkeys([f'"{"a" * 64}"', f'"{"A" * 64}"', "null"]),
            **dict.fromkeys(['""', f'"{"a" * 63}"', "5" * 64, r'"\uff11"'], BAD),
        },
    ),
    "fields": (
        FIELDS,
        {
            **dict.fromkeys(['"size": 2', '"size": "x", "size": 2', '"multipart": null']),
            **dict.fromkeys(
                ['"x": 1', '"x": null', '"Size": 1', '"content_type": "a/b"', '"": 1', '"x": NaN', ""], BAD
            ),
            **dict.fromkeys([f'"x": {DEEP}', f'"x": {HUGE}', "// comment\n", '"size": 2,'], BAD),
        },
    ),
    "ids": (
        IDS,
        {
            **dict.fromkeys([f'"{"0" * 24}"', f'"{"aB" * 12}"', '"x"', '""', r'"\u0061"']),
            **dict.fromkeys(["", "null", "true", "[]", r'"\ud800"'], BAD),
        },
    ),
}


async def ask(
    client: httpx.AsyncClient, protocol: str, path: str, body: bytes, kind: str = "application/json"
) -> str | None:
    """Return the code of the answer, or None for a success."""
    address = f"/api/v1{path}" if protocol == "rest" else "/graphql"
    answer: dict[str, Any] = (await client.post(address, content=body, headers={"Content-Type": kind})).json()
    if protocol == "rest":
        return answer.get("code")
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


@pytest.mark.parametrize("protocol", ["rest", "graphql"])
@pytest.mark.parametrize("name", VALUES)
async def test_a_value_is_taken_or_refused(service: Service, owner: str, name: str, protocol: str) -> None:
    operation, values = VALUES[name]
    async with service.client(owner) as client:
        upload_request = {"name": "a", "size": 10 * 1024**2, "multipart": True, "partSize": 5 * 1024**2}
        file = (await client.post("/api/v1/files/upload-request", json=upload_request)).json()["file"]
        answers = {
            value: await ask(
                client,
                protocol,
                operation.path.replace("FILE_ID", file["id"]),
                operation.body(protocol, value, file["id"]),
            )
            for value in values
        }
    assert answers == values


BODY = b'{"name": "%s", "size": 1}'
QUERY = b'{"query": "{ files(name: \\"%s\\") { edges { cursor } } }"}'

#: How a body may be written, and what is answered to it. UTF-16 is no JSON of a network (RFC 8259, 8.1).
WRITTEN: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
    "as it is": (lambda body: body % b"a", None),
    "byte order mark": (lambda body: BOM_UTF8 + body % b"a", None),
    "spaces around": (lambda body: b" \r\n\t" + body % b"a" + b"\n ", None),
    "UTF-8": (lambda body: body % "é".encode(), None),
    "two byte order marks": (lambda body: BOM_UTF8 * 2 + body % b"a", BAD),
    "UTF-16": (lambda body: (body % b"a").decode().encode("utf-16"), BAD),
    "Latin-1": (lambda body: body % b"\xe9", BAD),
    "NUL": (lambda body: body % b"a" + b"\0", BAD),
    "two values": (lambda body: body % b"a" + b"{}", BAD),
    "cut off": (lambda body: (body % b"a")[:-1], BAD),
    "empty": (lambda _: b"", BAD),
    "null": (lambda _: b"null", BAD),
    "too long": (lambda body: body % b"a" + b" " * 65536, "request_too_large"),
}

#: JSON has no charset parameter (RFC 8259, 11): it is read as UTF-8 in any case.
TYPES = {
    **dict.fromkeys(["application/json", "Application/JSON ; charset=latin-1", "application/json;v=1"]),
    **dict.fromkeys(["text/json", "application/jsonx", "application/x+json", ""], "unsupported_media_type"),
}


@pytest.mark.parametrize("protocol", ["rest", "graphql"])
async def test_a_body_is_read(service: Service, owner: str, protocol: str) -> None:
    path, body = ("/files/upload-request", BODY) if protocol == "rest" else ("", QUERY)
    async with service.client(owner) as client:
        written = {
            name: await ask(client, protocol, path, write(body)) for name, (write, _) in WRITTEN.items()
        }
        types = {kind: await ask(client, protocol, path, body % b"a", kind) for kind in TYPES}
    assert written == {name: code for name, (_, code) in WRITTEN.items()}
    assert types == TYPES
