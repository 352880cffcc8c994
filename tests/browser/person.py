"""What a person does with files on the front page, and what is seen of it."""

from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Locator, Page

from tests.service import Service


async def sign_in(page: Page, token: str) -> None:
    """Paste a token where the page asks for one."""
    await page.goto("/")
    await page.get_by_label("Token").fill(token)
    await page.keyboard.press("Enter")


async def drop(page: Page, *paths: Path) -> None:
    """Drag files and folders out of the system and drop them on the page."""
    cdp = await page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await cdp.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 100, "data": data})
    await cdp.detach()


async def choose(page: Page, button: str, path: Path) -> None:
    """Press a button and choose a file in the dialog that it opens."""
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name=button).click()
    await (await chooser.value).set_files(path)


def upload(page: Page, name: str) -> Locator:
    """The line of an upload."""
    return page.get_by_role("region", name="Uploads").get_by_role("listitem").filter(has_text=name)


def folder(page: Page, name: str) -> Locator:
    """The link of a folder in the list."""
    return page.get_by_role("row").get_by_role("link", name=name, exact=True)


def row(page: Page, name: str) -> Locator:
    """The line of a file in the list, by its whole name."""
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=name, exact=True))


def puts(page: Page, service: Service) -> Sequence[str]:
    """The addresses of all PUTs to the store from here on; grows as they are sent."""
    sent: list[str] = []
    store = service.settings.public_endpoint_url
    page.on(
        "request",
        lambda request: (
            sent.append(request.url) if request.method == "PUT" and request.url.startswith(store) else None
        ),
    )
    return sent
