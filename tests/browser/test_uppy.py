"""Uppy's dashboard with the snippets of docs/how-to/uppy.md, as a page would bundle them."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.actors.conftest import multipart_uploads
from tests.browser.conftest import opened
from tests.browser.person import puts
from tests.browser.test_page_uploads import MIB, id_of, numbers, parts_held, slow_down, write
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import settled
from tests.waiting import until

UPPY = Path(__file__).parent / "uppy"
GUIDE = Path(__file__).parents[2] / "docs/how-to/uppy.md"
API = "http://127.0.0.1:8000"


def snippet(name: str) -> str:
    [text] = re.findall(
        rf"<!-- uppy: {name} -->\n```js\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    )
    return str(text)


@pytest.fixture(params=["v6", "v5"])
async def dashboard(
    request: pytest.FixtureRequest, browser: Browser, embedded: Service, tmp_path: Path
) -> AsyncIterator[Page]:
    """A page with the glue for that version; it must end without an error in the console."""
    script = snippet("page") + snippet(request.param)
    assert API in script
    bundler = await asyncio.create_subprocess_exec(
        UPPY / "node_modules/.bin/esbuild",
        *("--bundle", "--format=esm", "--log-level=warning", f"--outfile={tmp_path}/page.js"),
        stdin=asyncio.subprocess.PIPE,
        # Where the imports of this version are looked up.
        cwd=UPPY / request.param,
    )
    await bundler.communicate(script.replace(API, embedded.address).encode())
    assert bundler.returncode == 0
    async with opened(browser, embedded, bypass_csp=True) as page:
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if is_error_of_the_page(said) else None)
        # A document of a server on loopback: Chromium lets no other send to the store, which is there too.
        await page.goto("/healthz")
        await page.evaluate("token => sessionStorage.setItem('token', token)", embedded.token("demo"))
        await page.set_content('<!doctype html><title>Uppy</title><div id="uppy"></div>')
        await page.add_style_tag(path=tmp_path / "page.css")
        await page.add_script_tag(path=tmp_path / "page.js", type="module")
        yield page
        assert errors == []


def is_error_of_the_page(said: ConsoleMessage) -> bool:
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


async def send(page: Page, path: Path) -> None:
    await page.locator("input.uppy-Dashboard-input").first.set_input_files(path)
    await page.get_by_role("button", name="Upload 1 file").click()


async def test_the_dashboard_sends_pauses_resumes_and_cancels(
    dashboard: Page, embedded: Service, tmp_path: Path
) -> None:
    page, run = dashboard, secrets.token_hex(4)
    async with embedded.client("demo") as client:
        rest = RestApi(client)

        small = write(tmp_path / f"{run}-small.bin", 1)
        await send(page, small)
        file = await stored(page, rest, await id_of(embedded, small.name))
        assert file["sha256"] == hashlib.sha256(small.read_bytes()).hexdigest()
        await page.get_by_role("button", name="Done").click()

        film = write(tmp_path / f"{run}-film.mp4", 40)
        sent = puts(page, embedded)
        await slow_down(page, 10 * MIB)
        await send(page, film)
        file_id = await id_of(embedded, film.name)
        await parts_held(embedded, file_id, 1)
        await page.get_by_role("button", name="Pause", exact=True).click()
        await expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
        held = await parts_held(embedded, file_id, 1)
        assert len(held) < 3
        before = len(sent)
        await slow_down(page, -1)
        await page.get_by_role("button", name="Resume", exact=True).click()
        file = await stored(page, rest, file_id)
        assert file["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest()
        assert set(numbers(list(sent[before:]))) == {1, 2, 3} - held
        await page.get_by_role("button", name="Done").click()

        regretted = write(tmp_path / f"{run}-regretted.mp4", 40)
        await slow_down(page, 10 * MIB)
        await send(page, regretted)
        file_id = await id_of(embedded, regretted.name)
        await parts_held(embedded, file_id, 1)
        assert len(await multipart_uploads(embedded, file_id)) == 1
        await page.locator(".uppy-StatusBar").get_by_role("button", name="Cancel").click()

        async def is_free() -> bool:
            return await multipart_uploads(embedded, file_id) == []

        await until(is_free, "the parts are gone", 30)
        file = (await rest.get(file_id)).data
        assert (file["status"], file["deletedAt"] is None) == ("PENDING", False)


async def stored(page: Page, rest: RestApi, file_id: str) -> Any:
    """The file, once Uppy shows that it has been sent and Waybill has verified it."""
    await expect(page.locator(".uppy-StatusBar")).to_contain_text("Complete", timeout=60_000)
    file = await settled(rest, file_id)
    assert file["status"] == "COMPLETED", file["failureReason"]
    return file
