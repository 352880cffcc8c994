"""Input that means harm, or might as well."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest

from tests.service import Service

JSON = {"Content-Type": "application/json"}


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    "value", [b"[" * 20_000 + b"]" * 20_000, b"9" * 5000, b"[" * 60_000], ids=["deep", "huge", "open"]
)
async def test_json_that_python_cannot_parse_is_400(anonymous: httpx.AsyncClient, value: bytes) -> None:
    body = b'{"query": "{ __typename }", "variables": {"a": ' + value + b"}}"
    posted = await anonymous.post("/graphql", content=body, headers=JSON)
    assert (posted.status_code, code_of(posted)) == (400, "invalid_input")
    query = {"query": "{ __typename }", "variables": '{"a": ' + value[:4_500].decode() + "}"}
    got = await anonymous.get("/graphql", params=query)
    assert (got.status_code, code_of(got)) == (400, "invalid_input")


async def test_a_number_without_end_is_the_clients_fault(client: httpx.AsyncClient) -> None:
    query = f'mutation {{ requestUpload(input: {{name: "a", size: {"9" * 5000}}}) {{ file {{ id }} }} }}'
    assert code_of(await client.post("/graphql", json={"query": query})) == "invalid_input"


async def test_half_a_character_in_a_filter_is_invalid_input(client: httpx.AsyncClient) -> None:
    query = b'"query($n: String) { files(name: $n) { edges { cursor } } }"'
    body = b'{"query": ' + query + b', "variables": {"n": "\\ud800"}}'
    assert code_of(await client.post("/graphql", content=body, headers=JSON)) == "invalid_input"


@pytest.mark.parametrize("subject", ["\ud800", " "])
async def test_a_subject_that_is_no_owner_is_401(service: Service, subject: str) -> None:
    assert service.settings.jwt_secret is not None
    claims = {"sub": subject, "exp": datetime.now(UTC) + timedelta(hours=1)}
    token = jwt.encode(claims, service.settings.jwt_secret.get_secret_value())
    async with httpx.AsyncClient(base_url=service.address) as client:
        response = await client.get("/api/v1/files", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


async def test_a_client_that_goes_away_is_no_defect_of_ours(service: Service) -> None:
    host, port = service.address.removeprefix("http://").split(":")
    for path in ("/graphql", "/api/v1/files/upload-request", "/dashboard/sign-in"):
        _, writer = await asyncio.open_connection(host, int(port))
        token = f"Authorization: Bearer {service.token('gone')}"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{token}\r\nContent-Type: application/json\r\n"
        writer.write(head.encode() + b"Content-Length: 99\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with service.client("gone") as client:
        for _ in range(20):
            assert (await client.get("/api/v1/files")).status_code == 200
    assert "ClientDisconnect" not in service.api.log.read_text()


async def test_many_parameters_are_refused_like_one(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/files", params={f"p{number}": "1" for number in range(1500)})
    assert response.status_code == 422


async def test_the_location_does_not_repeat_the_host_that_a_client_names(client: httpx.AsyncClient) -> None:
    body = {"name": "a", "size": 1}
    response = await client.post("/api/v1/files/upload-request", json=body, headers={"Host": "evil.example"})
    assert response.headers["location"] == f"/api/v1/files/{response.json()['file']['id']}"
    assert "location" not in (await client.get("/api/v1/files/", headers={"Host": "evil.example"})).headers


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT", "DELETE"])
async def test_the_path_of_a_request_is_no_file(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/api/v1/files/upload-request")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
