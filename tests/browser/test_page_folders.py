"""Folders on the front page: opened, named by the URL, searched, and uploaded into."""

import re
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.person import choose, drop, folder, row, sign_in, upload
from tests.service import Service


async def request_files(service: Service, owner: str, *paths: str) -> Sequence[str]:
    """Request uploads into folders, and return their ids. Nothing is sent: lists show open uploads too."""
    ids: list[str] = []
    async with service.client(owner) as client:
        for first in range(0, len(paths), 100):
            split = [path.rpartition("/") for path in paths[first : first + 100]]
            items = [{"name": name, "size": 1, "folder": place + slash} for place, slash, name in split]
            response = await client.post("/api/v1/files/batch/upload-request", json={"items": items})
            ids += [result["file"]["id"] for result in response.json()["results"]]
    return ids


async def test_folders_are_opened_and_the_url_names_the_open_one(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    await request_files(service, owner, "top.txt", "albums/cover.jpg", "albums/2026/sea & sun/beach.jpg")
    await sign_in(page, service.token(owner))
    await expect(row(page, "top.txt")).to_be_visible()
    await expect(row(page, "cover.jpg")).to_have_count(0)
    await folder(page, "albums").click()
    await expect(row(page, "cover.jpg")).to_be_visible()
    await expect(row(page, "top.txt")).to_have_count(0)
    await expect(page.get_by_test_id("said")).to_contain_text("1 folder, 1 file.")
    # The row is gone, and the focus is not lost with it.
    await expect(page.get_by_role("heading", name="Files", exact=True)).to_be_focused()
    await folder(page, "2026").focus()
    await page.keyboard.press("Enter")
    await folder(page, "sea & sun").click()
    await expect(row(page, "beach.jpg")).to_be_visible()
    await expect(page).to_have_title("sea & sun - Waybill")

    crumbs = page.get_by_role("navigation", name="Folder")
    await expect(crumbs.get_by_role("listitem")).to_have_text(["All files", "albums", "2026", "sea & sun"])
    await page.reload()
    await expect(row(page, "beach.jpg")).to_be_visible()
    await page.go_back()
    await expect(folder(page, "sea & sun")).to_be_visible()
    await page.go_forward()
    await expect(row(page, "beach.jpg")).to_be_visible()
    await crumbs.get_by_role("link", name="albums").click()
    await expect(row(page, "cover.jpg")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/\?folder=albums/$"))

    await page.goto("/?folder=albums/none")
    await expect(page.get_by_text("This folder is empty. Drop files")).to_be_visible()
    await page.goto("/?folder=a//b")
    await expect(page.get_by_role("alert")).to_contain_text("no slash first, one slash after each")


async def test_a_search_looks_into_the_open_folder_and_those_below(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    await request_files(
        service, owner, "Résumé.txt", "work/old résumé.pdf", "work/2026/RÉSUMÉ.doc", "work/other.txt"
    )
    await sign_in(page, service.token(owner))
    await folder(page, "work").click()
    await expect(row(page, "other.txt")).to_be_visible()
    await page.get_by_role("searchbox").fill("re\u0301sume\u0301")
    await expect(row(page, "other.txt")).to_have_count(0)
    await expect(row(page, "old résumé.pdf")).to_contain_text("work/")
    await expect(page.locator("tbody tr")).to_have_count(2)
    # A file that appears meanwhile is found by the same rule.
    await request_files(
        service, owner, "work/2026/new RÉSUMÉ.txt", "work/2026/more.txt", "elsewhere/résumé.txt"
    )
    await expect(row(page, "new RÉSUMÉ.txt")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(3)
    await page.reload()
    await expect(page.locator("tbody tr")).to_have_count(3)

    await page.get_by_role("searchbox").fill("nothing")
    await expect(page.get_by_text("No file matches in this folder and those below it.")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await page.get_by_role("searchbox").fill("résumé.doc")
    await row(page, "RÉSUMÉ.doc").get_by_role("link", name="work/2026/").click()
    await expect(row(page, "more.txt")).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_have_value("")


async def test_a_list_of_folders_goes_on_and_follows_changes(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    ids = await request_files(service, owner, *(f"folder-{number:03}/file" for number in range(103)))
    await sign_in(page, service.token(owner))
    await expect(page.locator("tr.folder")).to_have_count(100)
    await page.get_by_role("button", name="Show more folders").click()
    await expect(page.locator("tr.folder")).to_have_count(103)
    await expect(page.get_by_role("button", name="Show more folders")).to_have_count(0)

    # A folder ends with its last file, whether that is deleted or moved, and begins with its first.
    async with service.client(owner) as client:
        await client.delete(f"/api/v1/files/{ids[0]}")
        await client.patch(f"/api/v1/files/{ids[1]}", json={"folder": "another/"})
    await expect(folder(page, "another")).to_be_visible()
    await expect(folder(page, "folder-000")).to_have_count(0)
    await expect(folder(page, "folder-001")).to_have_count(0)
    await expect(page.locator("tr.folder")).to_have_count(102)


async def test_whole_folders_are_renamed_moved_and_deleted(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    await request_files(service, owner, "old/a.txt", "old/deep/b.txt", "other/c.txt")
    await sign_in(page, service.token(owner))
    await folder(page, "old").focus()
    await page.keyboard.press("F2")
    await page.get_by_label("New name of old").fill("new/er")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The name of a folder has no slash.")
    await page.get_by_label("New name of old").fill("new")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Moved 2 files to new/.")).to_be_visible()
    await expect(folder(page, "new")).to_be_visible()
    await expect(folder(page, "old")).to_have_count(0)
    # The focus has not gone with the row.
    await expect(page.locator("table :focus, h2:focus")).to_have_count(1)

    dialog = page.get_by_role("dialog", name="Move new/")
    await page.get_by_role("button", name="Move new").click()
    await dialog.get_by_label("To the folder").fill("new/deep")
    await dialog.get_by_role("button", name="Move").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("to:")
    await dialog.get_by_label("To the folder").fill("other")
    await dialog.get_by_role("button", name="Move").click()
    await expect(page.get_by_text("Moved 2 files to other/new/.")).to_be_visible()
    await folder(page, "other").click()
    await page.get_by_role("button", name="Delete new").click()
    confirmation = page.get_by_role("dialog", name="Delete all files in other/new/ permanently?")
    await confirmation.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Deleted 2 files in other/new/.")).to_be_visible()
    await expect(folder(page, "new")).to_have_count(0)
    await expect(row(page, "c.txt")).to_be_visible()


async def test_uploads_go_into_the_open_folder_and_keep_their_paths(
    page: Page, embedded: Service, tmp_path: Path
) -> None:
    tree = tmp_path / "trip"
    for path in (tree / "map.txt", tree / "day 1" / "photo.txt", tmp_path / "single.txt"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(path))
    await page.goto("/?folder=inbox/")
    await expect(page.get_by_text("They go into inbox/")).to_be_visible()
    await drop(page, tree, tmp_path / "single.txt")
    await expect(upload(page, "photo.txt")).to_contain_text("inbox/trip/day 1/")
    await expect(upload(page, "photo.txt")).to_contain_text("Completed")
    await expect(row(page, "single.txt")).to_contain_text("Completed")
    await folder(page, "trip").click()
    await expect(row(page, "map.txt")).to_contain_text("Completed")
    await folder(page, "day 1").click()
    await expect(row(page, "photo.txt")).to_be_visible()

    await page.goto("/?folder=chosen/")
    (tree / "map.txt").write_text("another")
    await choose(page, "Choose a folder", tree)
    await folder(page, "trip").click()
    await expect(row(page, "map.txt")).to_contain_text("Completed")
    await expect(folder(page, "day 1")).to_be_visible()
    async with embedded.client("demo") as client:
        listed = (await client.get("/api/v1/files", params={"folder": "chosen/", "recursive": True})).json()[
            "items"
        ]
    assert {file["folder"] + file["name"] for file in listed} == {
        "chosen/trip/map.txt",
        "chosen/trip/day 1/photo.txt",
    }
