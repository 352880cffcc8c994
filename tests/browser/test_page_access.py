"""The front page for everybody: signed in or not, without a mouse, by a screen reader, on a phone."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from api.pages.assets import NODE_MODULES
from tests.browser.person import choose, row, sign_in, upload
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import stored

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
RUN_AXE = """
async () => (await axe.run()).violations.map(
  ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`
)"""
WIDER = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


async def test_a_token_is_asked_for_and_kept_for_the_tab_alone(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    async with service.client(owner) as client:
        await stored(RestApi(client), os.urandom(100), name="mine.txt")
    await sign_in(page, "nonsense")
    await expect(page.get_by_role("alert")).to_contain_text("token")

    await page.get_by_label("Token").fill(f"Bearer {service.token(owner)}")
    await page.get_by_role("button", name="Sign in").click()
    await expect(row(page, "mine.txt")).to_be_visible()
    await page.reload()
    await expect(row(page, "mine.txt")).to_be_visible()
    assert await page.evaluate("() => localStorage.length") == 0

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_without_a_trash_a_deletion_is_asked_about_and_offers_no_undo(
    outside: Page, service: Service, owner: str
) -> None:
    page = outside
    async with service.client(owner) as client:
        await stored(RestApi(client), os.urandom(100), name="gone.txt")
    await sign_in(page, service.token(owner))
    await page.get_by_role("button", name="Delete gone.txt").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("button", name="Delete gone.txt").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Deleted gone.txt.")).to_be_visible()
    await expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    await expect(page.get_by_text("No files yet.")).to_be_visible()


async def test_the_keyboard_does_all(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "typed.txt"
    path.write_bytes(os.urandom(500))
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the files")).to_be_focused()
    async with page.expect_file_chooser() as chooser:
        await tab_to(page, page.get_by_role("button", name="Choose files"))
        await page.keyboard.press("Enter")
    await (await chooser.value).set_files(path)
    await expect(upload(page, path.name)).to_contain_text("Completed")

    name = page.get_by_role("button", name="typed.txt", exact=True)
    await tab_to(page, name)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="typed.txt")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(name).to_be_focused()

    await tab_to(page, page.get_by_role("button", name="Delete typed.txt"))
    await page.keyboard.press("Space")
    await expect(row(page, "typed.txt")).to_have_count(0)
    # The focus goes on to what stands there now, not to the page's beginning; soon after, for the row may
    # have been taken away by the news of its deletion.
    await expect(page.locator("table :focus, h2:focus")).to_have_count(1)
    await tab_to(page, page.get_by_role("button", name="Undo", exact=True))
    await page.keyboard.press("Enter")
    await expect(row(page, "typed.txt")).to_be_visible()


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until there; a page without a way there never is."""
    for _ in range(400):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {target}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_has_nothing_against_the_page(page: Page, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / f"axe-{scheme}.txt"
    path.write_bytes(os.urandom(500))
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    await page.goto("/")
    await choose(page, "Choose files", path)
    await expect(upload(page, path.name)).to_contain_text("Completed")
    await page.evaluate(AXE.read_text())
    assert await page.evaluate(RUN_AXE) == []
    await page.get_by_role("button", name=path.name, exact=True).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate(RUN_AXE) == []
    await page.get_by_role("button", name="Add a pair").click()
    await page.get_by_label("Key", exact=True).fill("Not a key")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("alert").filter(has_text="keys must match")).to_be_visible()
    assert await page.evaluate(RUN_AXE) == []
    await page.keyboard.press("Escape")

    await page.get_by_label(f"Select {path.name}").check()
    await page.get_by_role("button", name=f"Rename {path.name}").click()
    await page.get_by_label(f"New name of {path.name}").fill("a/b")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="not a path")).to_be_visible()
    assert await page.evaluate(RUN_AXE) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Move…").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate(RUN_AXE) == []
    await page.get_by_label("To the folder").fill(f"axe {scheme}")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=f"axe {scheme}").click()
    await expect(row(page, path.name)).to_be_visible()
    await page.get_by_role("searchbox").fill("axe")
    await expect(row(page, path.name)).to_contain_text(f"axe {scheme}/")
    assert await page.evaluate(RUN_AXE) == []


async def test_axe_has_nothing_against_signing_in(outside: Page) -> None:
    await outside.goto("/")
    await expect(outside.get_by_label("Token")).to_be_focused()
    await outside.evaluate(AXE.read_text())
    assert await outside.evaluate(RUN_AXE) == []


async def test_a_phone_shows_all_without_scrolling_sideways(page: Page, tmp_path: Path) -> None:
    path = tmp_path / f"{'a-long-name-' * 12}.txt"
    path.write_bytes(os.urandom(500))
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("/")
    await choose(page, "Choose files", path)
    await expect(upload(page, path.name)).to_contain_text("Completed")
    assert not await page.evaluate(WIDER)
    await page.get_by_role("button", name=f"Delete {path.name}").click()
    await expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    assert not await page.evaluate(WIDER)
