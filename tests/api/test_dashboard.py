"""The dashboard: who may see it, what it shows, and that its buttons cannot be pressed from elsewhere."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from dramatiq.brokers.redis import RedisBroker
from pydantic import SecretStr
from starlette.applications import Starlette

from api.dashboard import Dashboard
from api.errors import EXCEPTION_HANDLERS
from api.pages.views import Pages
from tests.jobs import fail_job, failed_jobs, next_failed_job
from tests.service import Service
from waybill.platform.redis.messages import QUEUES
from waybill.resources import redis_client

FAILED = "/dashboard/queues/hashing/failed"
PATHS = ["/dashboard", "/dashboard/", FAILED, "/dashboard/requeue-message", "/dashboard/no-such-page"]


@pytest.fixture
async def opened(embedded: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a token, at the embedded stack."""
    async with httpx.AsyncClient(base_url=embedded.address) as client:
        yield client


@pytest.fixture
async def closed(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a token, at a Waybill that is not embedded."""
    async with httpx.AsyncClient(base_url=service.address) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def csrf_token(client: httpx.AsyncClient) -> str:
    """The token in a page's forms; the client keeps the cookie that belongs to it."""
    page = await client.get(FAILED)
    found = re.search(r'name="__dd_csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/"])
async def test_every_queue_is_listed(opened: httpx.AsyncClient, path: str) -> None:
    page = await opened.get(path)
    assert page.status_code == 200
    for queue in QUEUES.values():
        assert f'href="/dashboard/queues/{queue}"' in page.text


@pytest.mark.parametrize("path", PATHS)
async def test_without_credentials_there_is_only_the_form(closed: httpx.AsyncClient, path: str) -> None:
    page = await closed.get(path)
    assert page.status_code == 401
    assert page.headers["www-authenticate"] == "Bearer"
    assert page.headers["cache-control"] == "no-store"
    assert '<form method="post" action="/dashboard/sign-in">' in page.text
    assert "hashing" not in page.text


@pytest.mark.parametrize("path", PATHS)
async def test_a_token_has_to_be_an_administrators(
    closed: httpx.AsyncClient, service: Service, path: str
) -> None:
    response = await closed.get(path, headers=bearer(service.token("alice")))
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "forbidden"


async def test_a_bad_token_is_a_problem(closed: httpx.AsyncClient) -> None:
    response = await closed.get("/dashboard", headers=bearer("nonsense"))
    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"


async def test_an_administrators_token_opens_it(closed: httpx.AsyncClient, service: Service) -> None:
    page = await closed.get("/dashboard", headers=bearer(service.token("root", admin=True)))
    assert page.status_code == 200
    assert "hashing" in page.text


async def test_signing_in_trades_the_token_for_a_cookie(closed: httpx.AsyncClient, service: Service) -> None:
    token = service.token("root", admin=True)
    response = await closed.post("/dashboard/sign-in", data={"token": f" {token}\n"})
    assert response.status_code == 303
    assert response.headers["location"] == "/dashboard"
    cookie = response.headers["set-cookie"]
    assert cookie == f"waybill_dashboard={token}; HttpOnly; Path=/dashboard; SameSite=strict"
    assert (await closed.get("/dashboard")).status_code == 200


async def test_the_cookie_is_secure_behind_https(closed: httpx.AsyncClient, service: Service) -> None:
    response = await closed.post(
        "/dashboard/sign-in",
        data={"token": service.token("root", admin=True)},
        headers={"X-Forwarded-Proto": "https"},
    )
    assert response.headers["set-cookie"].endswith("; Secure")


async def test_a_wrong_token_is_told_apart_from_one_without_the_right(
    closed: httpx.AsyncClient, service: Service
) -> None:
    for token, status, message in [
        ("nonsense", 401, "This token is not valid."),
        ("", 401, "This token is not valid."),
        (service.token("alice"), 403, "not an administrator's"),
    ]:
        response = await closed.post("/dashboard/sign-in", data={"token": token})
        assert response.status_code == status
        assert message in response.text
        assert "set-cookie" not in response.headers


async def test_a_cookie_is_no_better_than_its_token(closed: httpx.AsyncClient, service: Service) -> None:
    for token, status in [("nonsense", 401), (service.token("alice"), 403)]:
        page = await closed.get("/dashboard", headers={"Cookie": f"waybill_dashboard={token}"})
        assert page.status_code == status
        assert "<form" in page.text


async def test_the_cookie_opens_nothing_else(closed: httpx.AsyncClient, service: Service) -> None:
    token = service.token("root", admin=True)
    response = await closed.get("/api/v1/files", headers={"Cookie": f"waybill_dashboard={token}"})
    assert response.status_code == 401


async def test_a_failed_job_is_shown_with_its_traceback(opened: httpx.AsyncClient, embedded: Service) -> None:
    job = await fail_job(embedded)
    assert f"{FAILED}/{job}" in (await opened.get(FAILED)).text
    page = await opened.get(f"{FAILED}/{job}")
    assert "Traceback (most recent call last)" in page.text
    assert "TypeError" in page.text


async def test_requeue_runs_the_job_again(opened: httpx.AsyncClient, embedded: Service) -> None:
    job = await fail_job(embedded)
    form = {"__dd_csrf": await csrf_token(opened), "queue": "hashing.XQ", "id": job}
    before = failed_jobs(embedded)
    response = await opened.post("/dashboard/requeue-message", data=form)
    assert response.status_code == 302
    assert response.headers["location"].startswith(FAILED)
    # It fails again, under a new id of Redis: so it went through the queue.
    assert await next_failed_job(embedded, before) != job
    assert job not in failed_jobs(embedded)


@pytest.mark.parametrize("action", ["requeue-message", "delete-message"])
async def test_a_post_needs_the_token_of_a_page(
    opened: httpx.AsyncClient, embedded: Service, action: str
) -> None:
    """A foreign page can make a browser send a form, but can read neither our cookie nor our pages."""
    job = await fail_job(embedded)
    form = {"queue": "hashing.XQ", "id": job}
    address = f"/dashboard/{action}"
    assert (await opened.post(address, data=form)).status_code == 403
    token = await csrf_token(opened)
    assert (await opened.post(address, data=form)).status_code == 403
    assert (await opened.post(address, data=form | {"__dd_csrf": "0" * 64})).status_code == 403
    opened.cookies.clear()
    assert (await opened.post(address, data=form | {"__dd_csrf": token})).status_code == 403
    assert job in failed_jobs(embedded)


async def test_a_cookie_that_a_neighbour_made_is_not_written_into_the_page(
    opened: httpx.AsyncClient, embedded: Service
) -> None:
    await fail_job(embedded)
    page = await opened.get(FAILED, headers={"Cookie": '__dd_csrf="><script>alert(1)</script>'})
    assert "alert(1)" not in page.text
    assert re.search(r'name="__dd_csrf" value="[0-9a-f]{64}"', page.text)


async def test_a_form_has_to_be_short_and_to_say_so(opened: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"id=1"

    for content in (b"x" * 70_000, chunks()):
        response = await opened.post("/dashboard/delete-message", content=content)
        assert response.status_code == 413


async def test_nonsense_is_refused(opened: httpx.AsyncClient) -> None:
    assert (await opened.get("/dashboard/queues/hashing?cursor=first")).status_code == 422
    form = {"__dd_csrf": await csrf_token(opened)}
    assert (await opened.post("/dashboard/requeue-message", data=form)).status_code == 422


async def test_without_redis_the_dashboard_says_so(embedded: Service) -> None:
    settings = embedded.settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    with redis_client(settings) as client:
        broker = RedisBroker(client=client, middleware=[])
        app = Starlette(
            routes=Dashboard(settings, broker, Pages(settings)).routes, exception_handlers=EXCEPTION_HANDLERS
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client_of_app:
            response = await client_of_app.get("/dashboard")
    assert response.status_code == 503
    assert response.json()["service"] == "Redis"
