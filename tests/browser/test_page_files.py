"""The list of files on the front page: found, looked at, deleted and brought back, and always as they are."""

import asyncio
import os

from playwright.async_api import Page, Route, expect

from tests.browser.person import row, sign_in
from tests.haystack import NEEDLES, add_haystack
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import stored


async def store(service: Service, *names: str, content_type: str = "text/plain") -> list[str]:
    """Give the pages' owner files, each of its own content; their ids."""
    async with service.client("demo") as client:
        api = RestApi(client)
        files = [
            await stored(api, os.urandom(1000 + place), name=name, contentType=content_type)
            for place, name in enumerate(names)
        ]
        return [file["id"] for file in files]


async def search(page: Page, name: str) -> None:
    await page.get_by_role("searchbox", name="Names that contain").fill(name)


async def names_listed(page: Page) -> list[str]:
    return await page.locator("tbody .name button").all_inner_texts()


async def test_files_are_found_by_name_type_and_status_and_sorted(page: Page, embedded: Service) -> None:
    await store(embedded, "found-b.txt", "found-a.txt")
    await store(embedded, "found-c.png", content_type="image/png")
    await page.goto("/")
    await search(page, "found-")
    await expect(page.locator("tbody tr")).to_have_count(3)
    assert await names_listed(page) == ["found-c.png", "found-a.txt", "found-b.txt"]
    await page.get_by_label("Order").select_option("Name A to Z")
    await expect(page.locator("tbody .name button").first).to_have_text("found-a.txt")
    assert await names_listed(page) == ["found-a.txt", "found-b.txt", "found-c.png"]
    await page.get_by_label("Type").select_option("Images")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_test_id("said")).to_contain_text("1 file.")
    await page.get_by_label("Status").select_option("Failed")
    await expect(page.get_by_text("No file matches.")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await expect(row(page, "found-b.txt")).to_be_visible()


async def test_a_long_list_is_read_on_from_its_end(outside: Page, service: Service, owner: str) -> None:
    page = outside
    names = [f"many-{number:02}.bin" for number in range(60)]
    async with service.client(owner) as client:
        items = [{"name": name, "size": 1} for name in names]
        response = await client.post("/api/v1/files/batch/upload-request", json={"items": items})
        assert response.status_code == 200
    await sign_in(page, service.token(owner))
    await page.get_by_label("Order").select_option("Name A to Z")
    await expect(page.locator("tbody tr")).to_have_count(50)
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator("tbody tr")).to_have_count(60)
    assert await names_listed(page) == names
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)


async def test_a_list_of_short_pages_is_searched_to_its_end(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    add_haystack(service, owner, content_type="image/x-needle")
    await sign_in(page, service.token(owner))
    await expect(page.locator("tbody tr")).to_have_count(50)
    release = asyncio.Event()

    async def hold(route: Route) -> None:
        # Every page of the list but the first.
        if "cursor=" in route.request.url:
            await release.wait()
        await route.continue_()

    await page.route("**/api/v1/files?*", hold)
    await page.get_by_label("Type").select_option("Images")
    await expect(page.get_by_role("button", name="Searching…")).to_be_disabled()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await names_listed(page) == [NEEDLES[0]]
    release.set()
    await expect(page.locator("tbody tr")).to_have_count(len(NEEDLES))
    assert await names_listed(page) == list(NEEDLES)
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await page.get_by_label("Type").select_option("Audio")
    await expect(page.get_by_text("No file matches.")).to_be_visible()


async def test_a_deleted_file_comes_back_by_undo_and_out_of_the_trash(page: Page, embedded: Service) -> None:
    await store(embedded, "brought-back.txt")
    await page.goto("/")
    await page.get_by_role("button", name="Delete brought-back.txt").click()
    await expect(row(page, "brought-back.txt")).to_have_count(0)
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(row(page, "brought-back.txt")).to_contain_text("Completed")

    await page.get_by_role("button", name="Delete brought-back.txt").click()
    await expect(row(page, "brought-back.txt")).to_have_count(0)
    await page.get_by_role("button", name="Trash").click()
    await page.get_by_role("button", name="Restore brought-back.txt").click()
    await expect(row(page, "brought-back.txt")).to_have_count(0)
    await page.get_by_role("button", name="Files", exact=True).click()
    await expect(row(page, "brought-back.txt")).to_contain_text("Completed")


async def test_details_tell_the_digest_and_lead_to_the_original(page: Page, embedded: Service) -> None:
    content = os.urandom(2000)
    async with embedded.client("demo") as client:
        api = RestApi(client)
        original = await stored(api, content, name="original.txt")
        await stored(api, content, name="copy.txt")
    await page.goto("/")
    await expect(row(page, "copy.txt")).to_contain_text("Duplicate")
    await page.get_by_role("button", name="copy.txt", exact=True).click()
    dialog = page.get_by_role("dialog", name="copy.txt")
    await expect(dialog).to_contain_text(original["sha256"])
    await dialog.get_by_role("button", name="Show that file").click()
    await expect(page.get_by_role("dialog", name="original.txt")).to_contain_text(original["id"])


async def test_a_download_is_the_content_under_its_name(page: Page, embedded: Service) -> None:
    content = os.urandom(3000)
    async with embedded.client("demo") as client:
        await stored(RestApi(client), content, name="downloaded.bin")
    await page.goto("/")
    async with page.context.expect_event("download") as download:
        await page.get_by_role("button", name="Download downloaded.bin").click()
    assert (await download.value).suggested_filename == "downloaded.bin"
    assert (await (await download.value).path()).read_bytes() == content


async def test_what_happens_elsewhere_shows_by_itself_after_an_outage_too(
    page: Page, embedded: Service
) -> None:
    await page.goto("/")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    [file_id] = await store(embedded, "elsewhere.txt")
    await expect(row(page, "elsewhere.txt")).to_contain_text("Completed")

    await page.context.set_offline(True)
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    async with embedded.client("demo") as client:
        await client.delete(f"/api/v1/files/{file_id}")
    await store(embedded, "meanwhile.txt")
    await page.context.set_offline(False)
    await expect(row(page, "meanwhile.txt")).to_contain_text("Completed", timeout=20_000)
    await expect(row(page, "elsewhere.txt")).to_have_count(0)


async def test_what_is_stored_is_pictured(page: Page, embedded: Service) -> None:
    await store(embedded, "pictured.txt")
    await page.goto("/")
    storage = page.get_by_role("complementary", name="Storage")
    await expect(storage.get_by_role("img")).to_be_visible()
    await expect(storage.get_by_role("listitem").filter(has_text="text")).to_be_visible()
