"""What a person does on the pages of the embedded stack, without a token at hand."""

import asyncio
import re
import time

import httpx
from playwright.async_api import Page, expect

from tests.jobs import fail_job, failed_jobs, next_failed_job
from tests.service import Service

STORED = "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"
EDITOR = 'document.querySelector(".graphiql-query-editor .CodeMirror")?.CodeMirror'


async def announce(service: Service, name: str) -> None:
    """Give the pages' owner a file."""
    async with service.client("demo") as client:
        response = await client.post("/api/v1/files/upload-request", json={"name": name, "size": 1})
        assert response.status_code == 201


async def until_true(page: Page, expression: str) -> None:
    """Playwright's own wait compiles the expression in the page, which our policy forbids."""
    deadline = time.monotonic() + 20
    while not await page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        await asyncio.sleep(0.05)


async def write_in_graphiql(page: Page, query: str) -> None:
    """Replace the example, and wait until GraphiQL has seen it: it reads along with a delay."""
    await until_true(page, f"{EDITOR}?.operationName === 'Files'")
    await page.evaluate(f"(query) => {EDITOR}.setValue(query)", query)
    await until_true(page, f"!{EDITOR}.operationName")


async def run_in_graphiql(page: Page) -> None:
    await page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()


async def test_graphiql_runs_a_query(page: Page, embedded: Service) -> None:
    await announce(embedded, "seen-in-graphiql.bin")
    await page.goto("/graphql")
    await write_in_graphiql(page, "{ files { edges { node { name } } } }")
    await run_in_graphiql(page)
    await expect(page.locator(".graphiql-response")).to_contain_text('"name": "seen-in-graphiql.bin"')


async def test_graphiql_stores_no_token_and_works_after_a_reload(page: Page, embedded: Service) -> None:
    await page.goto("/graphql")
    for _ in range(2):
        await expect(page.get_by_label("Headers").last).to_contain_text('"Bearer ey')
        await run_in_graphiql(page)
        await expect(page.locator(".graphiql-response")).to_contain_text('"edges"')
        stored = await page.evaluate(STORED)
        assert "Bearer <your token>" in stored  # in the history of queries
        assert "Bearer ey" not in stored
        assert "token" not in page.url
        await page.reload()


async def test_rest_docs_try_an_operation(page: Page, embedded: Service) -> None:
    await announce(embedded, "seen-in-docs.bin")
    await page.goto("/api/v1/docs")
    await expect(page).to_have_title("Waybill REST API")
    operation = page.locator(".opblock", has=page.locator('[data-path="/files"]'))
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    response = operation.locator(".live-responses-table")
    await expect(response.locator(".response-col_status").last).to_have_text("200")
    await expect(response).to_contain_text("seen-in-docs.bin")
    assert "Bearer" not in await page.evaluate(STORED)


async def test_dashboard_shows_a_failed_job_and_runs_it_again(page: Page, embedded: Service) -> None:
    job = await fail_job(embedded)
    await page.goto("/dashboard")
    await page.get_by_role("link", name="hashing").click()
    await page.get_by_role("link", name=re.compile("Failed")).click()
    row = page.locator("tr", has=page.locator(f'a[href$="/{job}"]'))
    await row.get_by_role("link").click()
    await expect(page.locator("pre", has_text="Traceback")).to_contain_text("TypeError")

    await page.go_back()
    before = failed_jobs(embedded)
    await row.get_by_role("button", name="Requeue").click()
    await next_failed_job(embedded, before)
    assert job not in failed_jobs(embedded)


async def test_pages_need_no_help_to_be_found(page: Page) -> None:
    for name in ("GraphiQL", "REST docs", "Dashboard"):
        await page.goto("/")
        await page.get_by_role("link", name=name).click()
        await expect(page).not_to_have_title("Waybill")
        response = await page.reload()
        assert response is not None
        assert response.status == httpx.codes.OK
