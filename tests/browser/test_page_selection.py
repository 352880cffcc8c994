"""Several files of the front page at once: selected, moved, downloaded, deleted and restored."""

import os

from playwright.async_api import Download, Page, expect

from tests.browser.person import row, sign_in
from tests.browser.test_page_folders import request_files
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import stored
from tests.waiting import until


async def test_files_are_selected_by_mouse_and_keyboard(outside: Page, service: Service, owner: str) -> None:
    page = outside
    await request_files(service, owner, *(f"{number}.txt" for number in range(6)))
    await sign_in(page, service.token(owner))
    await page.get_by_label("Order").select_option("Name A to Z")
    bar = page.get_by_role("group", name="Selected files")
    await page.get_by_label("Select 1.txt").check()
    await page.get_by_label("Select 4.txt").click(modifiers=["Shift"])
    await expect(bar).to_contain_text("4 selected")
    await expect(page.get_by_test_id("said")).to_contain_text("4 selected.")
    await page.get_by_label("Select 2.txt").uncheck()
    await expect(bar).to_contain_text("3 selected")

    await page.get_by_role("button", name="0.txt", exact=True).focus()
    await page.keyboard.press("Control+a")
    await expect(bar).to_contain_text("6 selected")
    await page.keyboard.press("Escape")
    await expect(bar).to_have_count(0)
    # A range by the keyboard alone.
    await page.get_by_label("Select 0.txt").focus()
    await page.keyboard.press("Space")
    await page.get_by_label("Select 3.txt").focus()
    await page.keyboard.press("Shift+Space")
    await expect(bar).to_contain_text("4 selected")
    # In a field the keys are the field's.
    await page.get_by_role("searchbox").press("Control+a")
    await expect(bar).to_contain_text("4 selected")
    await bar.get_by_role("button", name="Clear the selection").click()
    await expect(page.get_by_role("heading", name="Files", exact=True)).to_be_focused()

    # Without a trash, a deletion is asked about.
    await page.get_by_label("Select all files shown").check()
    await bar.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 6 files permanently?")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Deleted 6 files.")).to_be_visible()
    await expect(page.get_by_text("No files yet.")).to_be_visible()


async def test_selected_files_are_moved_and_those_that_fail_stay_selected(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    ids = await request_files(service, owner, "a.txt", "b.txt", "c.txt", "there/d.txt")
    # Without events the page does not learn of a deletion in time.
    await page.route("**/files/events", lambda route: route.abort())
    await sign_in(page, service.token(owner))
    await page.get_by_label("Select all files shown").check()
    bar = page.get_by_role("group", name="Selected files")
    dialog = page.get_by_role("dialog", name="Move 3 files")

    async def move_to(folder: str) -> None:
        await bar.get_by_role("button", name="Move…").click()
        await dialog.get_by_label("To the folder").fill(folder)
        await dialog.get_by_role("button", name="Move").click()

    await move_to("not//valid")
    await expect(bar).to_contain_text("Moved 0 of 3 files to not//valid/. 3 failed. 3 selected")
    await expect(row(page, "a.txt")).to_contain_text("no slash first, one slash after each")
    async with service.client(owner) as client:
        await client.delete(f"/api/v1/files/{ids[1]}")
    await move_to("there")
    await expect(bar).to_contain_text("Moved 2 of 3 files to there/. 1 failed. 1 selected")
    await expect(page.get_by_test_id("said")).to_contain_text("Moved 2 of 3 files to there/. 1 failed.")
    await expect(row(page, "b.txt")).to_contain_text("The file is deleted.")
    # The folder, and the file.
    await expect(page.locator("tr[data-id]")).to_have_count(2)
    await page.goto("/?folder=there/")
    await expect(page.locator("tr[data-id]")).to_have_count(3)


async def test_selected_files_are_downloaded_deleted_and_restored(page: Page, embedded: Service) -> None:
    contents = {f"several-{number}.bin": os.urandom(1000) for number in range(3)}
    async with embedded.client("demo") as client:
        for name, content in contents.items():
            await stored(RestApi(client), content, name=name, folder="several/")
    await request_files(embedded, "demo", "several/pending.bin")
    await page.goto("/?folder=several/")
    await page.get_by_label("Select all files shown").check()
    bar = page.get_by_role("group", name="Selected files")
    downloads: list[Download] = []

    def note(download: Download) -> None:
        downloads.append(download)

    page.on("download", note)
    await bar.get_by_role("button", name="Download").click()
    await expect(bar).to_contain_text("Started the download of 3 of 4 files. 1 failed. 1 selected")
    await expect(row(page, "pending.bin")).to_contain_text("The file has no content to download.")

    async def all_arrived() -> bool:
        return len(downloads) == len(contents)

    await until(all_arrived, "each file is downloaded")
    for download in downloads:
        assert (await download.path()).read_bytes() == contents[download.suggested_filename]

    await page.get_by_label("Select all files shown").check()
    await bar.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("This folder is empty.")).to_be_visible()
    await page.get_by_role("button", name="Undo", exact=True).click()
    await expect(page.locator("tr[data-id]")).to_have_count(4)
    await page.get_by_label("Select all files shown").check()
    await bar.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("This folder is empty.")).to_be_visible()

    await page.get_by_role("button", name="Trash").click()
    await page.get_by_role("searchbox").fill("several-")
    await expect(page.locator("tr[data-id]")).to_have_count(3)
    await expect(row(page, "several-0.bin")).to_contain_text("several/")
    await page.get_by_label("Select all files shown").check()
    await bar.get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("Restored 3 files.")).to_be_visible()
    await expect(page.locator("tr[data-id]")).to_have_count(0)
    await page.get_by_role("button", name="Files", exact=True).click()
    await page.get_by_role("searchbox").fill("several-")
    await expect(page.locator("tr[data-id]")).to_have_count(3)
