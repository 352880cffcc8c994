"""The pages of the embedded stack in a browser, without a token."""

import re

import httpx
from playwright.async_api import Page, expect

from tests.browser.conftest import STORED, request_file
from tests.jobs import fail_job, failed_jobs, next_failed_job
from tests.service import Service


async def test_rest_docs_try_an_operation(page: Page, embedded: Service) -> None:
    await request_file(embedded, "seen-in-docs.bin")
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
