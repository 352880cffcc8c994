"""The id of a request: whose it is, and where it is said."""

import os
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from api.errors import EXCEPTION_HANDLERS
from api.requests import Requests
from tests.live import graphql_socket
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import put, settled
from tests.watched import lines


async def test_a_request_is_given_an_id(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/files", "/graphql?query={", "/nope"):
        assert re.fullmatch("[0-9a-f]{32}", (await client.get(path)).headers["x-request-id"])


async def test_an_id_of_the_client_is_kept(client: httpx.AsyncClient) -> None:
    given = "Root=1-67891233-abcdef012345678912345678"
    response = await client.get("/healthz", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", '"', "a" * 129, "\xe9", "<script>", "a\tb"], ids=ascii)
async def test_what_is_no_id_is_not_repeated(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/healthz", headers=[(b"X-Request-ID", given.encode("latin-1"))])
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


async def test_every_line_of_a_request_and_of_its_jobs_names_it(service: Service, owner: str) -> None:
    request_id = f"test-{owner}"
    async with service.client(owner) as client:
        api = RestApi(client)
        requested = await api.request(name="a", size=10)
        await put(requested.data["upload"], os.urandom(10))
        client.headers["x-request-id"] = request_id
        await api.complete(requested.id)
        del client.headers["x-request-id"]
        await settled(api, requested.id)
    (line,) = await lines(service.api, event="request", request_id=request_id)
    assert line["ms"] > 0
    assert {name: line[name] for name in ("method", "route", "status", "level")} == {
        "method": "POST",
        "route": "/api/v1/files/{id}/complete",
        "status": 202,
        "level": "info",
    }
    assert requested.id not in str(line)
    (done,) = await lines(service.worker, event="job done", request_id=request_id)
    assert (done["actor"], done["seconds"] > 0) == ("verify_upload", True)
    (verified,) = await lines(service.worker, event="verified", request_id=request_id)
    assert verified["message_id"] == done["message_id"]


async def test_a_job_that_the_job_of_a_request_sends_names_it_too(service: Service, owner: str) -> None:
    request_id = f"purge-{owner}"
    content = os.urandom(10)
    async with service.client(owner) as client:
        api = RestApi(client)
        for _ in range(2):
            requested = await api.request(name="a", size=10)
            await put(requested.data["upload"], content)
            client.headers["x-request-id"] = request_id
            await api.complete(requested.id)
            await settled(api, requested.id)
    # The second is a duplicate, whose object the verification has purged.
    assert await lines(service.worker, event="job done", actor="purge_object", request_id=request_id)


async def test_a_path_is_logged_as_its_template(
    service: Service, client: httpx.AsyncClient, owner: str
) -> None:
    for path, route, status in (
        ("/nope", None, 404),
        ("/api/v1/nope", "/api/v1", 404),
        ("/graphql?query={", "/graphql", 200),
    ):
        request_id = f"{owner}{len(path)}"
        await client.get(path, headers={"X-Request-ID": request_id})
        (line,) = await lines(service.api, event="request", request_id=request_id)
        assert (line["route"], line["status"]) == (route, status)


async def test_a_websocket_is_a_request_until_it_closes(service: Service) -> None:
    async with graphql_socket(service) as socket:
        request_id = socket.response.headers["x-request-id"]
    (line,) = await lines(service.api, event="request", request_id=request_id)
    assert (line["method"], line["route"], line["status"]) == ("GET", "/graphql", 101)


async def test_no_query_string_is_logged(service: Service, client: httpx.AsyncClient) -> None:
    await client.get("/api/v1/files?name=must-not-be-logged", headers={"X-Request-ID": "with-a-query"})
    await lines(service.api, event="request", request_id="with-a-query")
    assert "must-not-be-logged" not in service.api.log.read_text()


async def test_a_defect_says_under_which_id_it_was_logged() -> None:
    async def fail(request: Request) -> None:
        raise ZeroDivisionError

    app = Starlette(
        routes=[Route("/", fail)],
        middleware=[Middleware(Requests)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/", headers={"X-Request-ID": "a-defect"})
    assert response.status_code == 500
    assert response.headers["x-request-id"] == response.json()["requestId"] == "a-defect"
