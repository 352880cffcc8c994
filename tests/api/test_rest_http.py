"""REST as HTTP: problem documents, status codes, headers."""

from http import HTTPStatus

import httpx
import pytest


async def test_a_request_answers_201_and_where_the_file_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/files/upload-request", json={"name": "a", "size": 1})
    assert response.status_code == 201
    file = await client.get(response.headers["location"])
    assert file.json() == response.json()["file"]


async def test_an_error_is_a_problem_document(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/files/upload-request", json={"name": "", "size": -1, "colour": "red"}
    )
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["title"] == HTTPStatus(422).phrase
    assert problem["status"] == 422
    assert problem["code"] == "invalid_input"
    assert set(problem["fields"]) == {"name", "size", "colour"}


@pytest.mark.parametrize(
    "body", [b"", b'{"name": "a", "si', b"[]", b"null", b'"text"', b"\xff\xff", b"[" * 5000], ids=repr
)
async def test_a_broken_body_is_invalid_input(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/api/v1/files/upload-request", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_input"


async def test_a_charset_does_not_make_a_body_unseen(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/files/upload-request",
        content=b'{"name": "a"}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert response.status_code == 422


async def test_a_body_that_is_not_json_is_415(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/files/upload-request", data={"name": "a"})
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


async def test_a_body_over_64_kib_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/files/upload-request", json={"name": "a" * 65536, "size": 1})
    assert response.status_code == 413
    assert response.json()["code"] == "request_too_large"


async def test_a_path_that_is_not_there_is_a_problem_too(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nope", "/nope"):
        response = await client.get(path)
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/files", {"GET", "HEAD"}),
        ("PUT", "/api/v1/files/000000000000000000000000", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("DELETE", "/api/v1/files/000000000000000000000000/complete", {"POST"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    client: httpx.AsyncClient, method: str, path: str, allowed: set[str]
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allowed
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("query", ["limit=ten", "limit=1.5", "limit=1&limit=2", "colour=red", "limit="])
async def test_a_wrong_query_parameter_is_named(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/api/v1/files?{query}")
    assert response.status_code == 422
    assert set(response.json()["fields"]) == {query.partition("=")[0]}


async def test_without_a_token_401_says_how(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/api/v1/files")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"


async def test_answers_are_not_cached(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/files")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/graphql", "/dashboard", "/api/v1/docs", "/api/v1/files", "/nope"])
async def test_every_answer_tells_a_browser_to_be_careful(anonymous: httpx.AsyncClient, path: str) -> None:
    headers = (await anonymous.get(path, headers={"Accept": "text/html"})).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_service_is_alive_and_ready(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/healthz")).json() == {"status": "ok"}
    ready = await anonymous.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "mongodb": "ok", "s3": "ok", "redis": "ok"}


@pytest.mark.parametrize(
    "path", ["/files/%0A", "/files/a%0Ab", "/files/a%0A/download", "/files/upload-request%0A"]
)
async def test_an_id_of_any_characters_is_an_id(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/api/v1{path}")
    assert (response.status_code, response.json()["code"]) == (404, "file_not_found")


@pytest.mark.parametrize(
    "path", ["/api/v1/usage%0A", "/api/v1/openapi.json%0A", "/graphql%0A", "/healthz%0A"]
)
async def test_a_path_with_a_line_feed_is_not_the_path_without(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_an_empty_cursor_is_invalid(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/files", params={"cursor": ""})
    assert (response.status_code, set(response.json()["fields"])) == (422, {"cursor"})
