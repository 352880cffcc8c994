"""Files changed on the front page: renamed in the list, and moved and described in their details."""

from playwright.async_api import Locator, Page, expect

from tests.browser.person import row, sign_in
from tests.browser.test_page_folders import request_files
from tests.service import Service


def name_of(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def test_a_file_is_renamed_in_the_list(outside: Page, service: Service, owner: str) -> None:
    page = outside
    [file_id, _] = await request_files(service, owner, "draft.txt", "other.txt")
    await sign_in(page, service.token(owner))
    await name_of(page, "draft.txt").focus()
    await page.keyboard.press("F2")
    field = page.get_by_role("textbox", name="New name of draft.txt")
    await expect(field).to_be_focused()
    # The extension is not selected.
    await page.keyboard.type("final")
    await page.keyboard.press("Enter")
    await expect(name_of(page, "final.txt")).to_be_focused()
    await expect(page.get_by_test_id("said")).to_contain_text("Renamed to final.txt.")

    await page.keyboard.press("F2")
    await page.keyboard.type("thrown away")
    await page.keyboard.press("Escape")
    await expect(name_of(page, "final.txt")).to_be_focused()

    await page.get_by_role("button", name="Rename final.txt").click()
    field = page.get_by_role("textbox", name="New name of final.txt")
    await field.fill("a/b.txt")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("must be a file name, not a path")
    await expect(field).to_be_focused()

    # Another client is faster.
    await field.fill("mine.txt")
    async with service.client(owner) as client:
        await client.patch(f"/api/v1/files/{file_id}", json={"name": "theirs.txt"})
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text(
            "Changed meanwhile: the name is now theirs.txt."
        )
        await page.keyboard.press("Enter")
        await expect(name_of(page, "mine.txt")).to_be_focused()
        assert (await client.get(f"/api/v1/files/{file_id}")).json()["name"] == "mine.txt"


async def test_details_change_metadata_type_and_folder(outside: Page, service: Service, owner: str) -> None:
    page = outside
    [file_id, _] = await request_files(service, owner, "beach.jpg", "photos/2026/other.jpg")
    async with service.client(owner) as client:
        await client.patch(f"/api/v1/files/{file_id}", json={"metadata": {"album": "summer", "draft": "yes"}})
        await sign_in(page, service.token(owner))
        await name_of(page, "beach.jpg").click()
        dialog = page.get_by_role("dialog", name="beach.jpg")
        await dialog.get_by_label("Value of album").fill("winter")
        await dialog.get_by_role("button", name="Remove draft").click()
        await dialog.get_by_role("button", name="Add a pair").click()
        await expect(dialog.get_by_label("Key", exact=True).last).to_be_focused()
        await page.keyboard.type("Camera")
        await page.keyboard.press("Tab")
        await page.keyboard.type("X100")
        await dialog.get_by_label("Type").fill("jpeg")
        await dialog.get_by_role("button", name="Save changes").click()
        await expect(dialog.get_by_role("alert").filter(has_text="must be a media type")).to_be_visible()
        await expect(dialog.get_by_role("alert").filter(has_text="keys must match")).to_be_visible()

        await dialog.get_by_label("Type").fill("image/jpeg")
        await dialog.get_by_label("Key", exact=True).last.fill("album")
        await dialog.get_by_role("button", name="Save changes").click()
        await expect(
            dialog.get_by_role("alert").filter(has_text="The key album is there twice.")
        ).to_be_visible()
        await dialog.get_by_label("Key", exact=True).last.fill("camera")
        folder_field = dialog.get_by_label("Folder")
        await folder_field.fill("photos/")
        await expect(dialog.locator("datalist option")).to_have_attribute("value", "photos/2026/")
        await folder_field.fill("/photos/2026")
        # Another client changes the file first.
        await client.patch(f"/api/v1/files/{file_id}", json={"metadata": {"rating": "5"}})
        await folder_field.press("Enter")
        await expect(
            dialog.get_by_role("alert").filter(has_text="Changed meanwhile: the metadata")
        ).to_be_visible()
        await folder_field.press("Enter")
        await expect(page.get_by_test_id("said")).to_contain_text("Saved the changes of beach.jpg.")
        await expect(dialog.get_by_role("button", name="Save changes")).to_have_count(0)
        file = (await client.get(f"/api/v1/files/{file_id}")).json()
        assert (file["contentType"], file["folder"]) == ("image/jpeg", "photos/2026/")
        assert file["metadata"] == {"album": "winter", "camera": "X100"}

        # Without changes of its own the dialog follows the file.
        await client.patch(f"/api/v1/files/{file_id}", json={"metadata": {"album": "spring"}})
        await expect(dialog.get_by_label("Value of album")).to_have_value("spring")
        await page.keyboard.press("Escape")
        await expect(row(page, "beach.jpg")).to_have_count(0)
