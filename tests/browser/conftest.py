"""A real browser, before the embedded stack."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.service import Service

# No GPU, no sandbox of its own (tests may run as root), and no calls home.
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# By default five seconds, which a busy machine needs to start a page with an editor.
expect.set_options(timeout=30_000)

STORED = "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"


async def request_file(service: Service, name: str) -> None:
    """Give the pages' owner a file."""
    async with service.client("demo") as client:
        response = await client.post("/api/v1/files/upload-request", json={"name": name, "size": 1})
        assert response.status_code == 201


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as the system packages it."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: Browser, embedded: Service) -> AsyncIterator[Page]:
    """A page of the embedded stack, which signs everybody in."""
    async with opened(browser, embedded) as page:
        yield page


@pytest.fixture
async def outside(browser: Browser, service: Service) -> AsyncIterator[Page]:
    """A page of a Waybill that requires a token and has no trash."""
    async with opened(browser, service) as page:
        yield page


@asynccontextmanager
async def opened(browser: Browser, service: Service, *, bypass_csp: bool = False) -> AsyncIterator[Page]:
    """A page with nothing stored, that must end without a script's error and without having left us."""
    ours = (service.address, service.settings.public_endpoint_url, "data:", "blob:")
    context = await browser.new_context(base_url=service.address, bypass_csp=bypass_csp)
    page = await context.new_page()
    addresses: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Security Policy" in said.text else None)
    yield page
    await context.close()
    assert errors == []
    assert [url for url in addresses if not url.startswith(ours)] == []
