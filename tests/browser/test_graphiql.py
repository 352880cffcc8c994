"""GraphiQL in a browser, without a token."""

from playwright.async_api import Page, expect

from tests.browser.conftest import STORED, request_file
from tests.service import Service


async def clear(page: Page, region: str) -> None:
    editor = page.get_by_role("region", name=region).locator(".graphiql-editor:not(.hidden)")
    await editor.locator(".view-lines").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Delete")


async def write(page: Page, name: str, operation: str) -> None:
    """Replace the example, and wait until GraphiQL has seen it: it reads along with a delay."""
    await expect(page.get_by_role("tab", name="Files")).to_be_visible()
    await clear(page, "Operation Editor")
    await page.keyboard.insert_text(operation)
    await expect(page.get_by_role("tab", name=name)).to_be_visible()


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


async def test_a_query_is_run(page: Page, embedded: Service) -> None:
    await request_file(embedded, "seen-in-graphiql.bin")
    await page.goto("/graphql")
    await write(page, "Names", "query Names { files { edges { node { name } } } }")
    await run(page)
    await expect(page.locator(".graphiql-response")).to_contain_text('"name": "seen-in-graphiql.bin"')


async def test_fields_are_completed_by_workers_from_our_own_origin(page: Page) -> None:
    await page.goto("/graphql")
    await write(page, "Use", "query Use { usageHist }")
    for _ in range(2):
        await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Control+Space")
    await expect(page.locator(".suggest-widget")).to_contain_text("usageHistory")
    assert len(page.workers) > 1


async def test_a_subscription_shows_a_change_as_it_arrives(page: Page, embedded: Service) -> None:
    async with embedded.client("demo") as client:
        response = await client.post("/graphql", json={"query": "{ changeId }"})
        now = response.json()["data"]["changeId"]
    await page.goto("/graphql")
    await write(page, "Watch", f'subscription Watch {{ filesChanged(after: "{now}") {{ name status }} }}')
    await run(page)
    stop = page.get_by_role("button", name="Stop query")
    await expect(stop).to_be_visible()
    await request_file(embedded, "watched-in-graphiql.bin")
    await expect(page.locator(".graphiql-response")).to_contain_text('"name": "watched-in-graphiql.bin"')
    await stop.click()
    await expect(stop).to_be_hidden()


async def test_a_subscription_without_a_good_token_says_what_to_do(page: Page) -> None:
    await page.goto("/graphql")
    await write(page, "Watch", "subscription Watch { filesChanged { name } }")
    await clear(page, "Headers")
    await run(page)
    await expect(page.locator(".graphiql-response")).to_contain_text("The token is missing")


async def test_no_token_is_stored_and_history_works_after_a_reload(page: Page, embedded: Service) -> None:
    await page.goto("/graphql")
    headers = page.get_by_role("region", name="Headers")
    for _ in range(2):
        await expect(headers).to_contain_text('"Bearer ey')
        await run(page)
        await expect(page.locator(".graphiql-response")).to_contain_text('"edges"')
        stored = await page.evaluate(STORED)
        assert "Bearer <your token>" in stored  # in the history of queries
        assert "Bearer ey" not in stored
        assert "token" not in page.url
        await page.reload()
