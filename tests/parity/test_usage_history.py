"""What stored files take, by day and by type."""

import asyncio
import os
from collections import Counter

from tests.parity.apis import ApiClient
from tests.uploads import settled, stored, uploaded


async def test_nobody_begins_with_a_history(api: ApiClient, anonymous: ApiClient) -> None:
    assert (await api.usage_history()).data == {"days": [], "types": []}
    assert (await anonymous.usage_history()).code == "unauthenticated"


async def test_the_history_holds_what_is_stored_and_nothing_else(api: ApiClient, stranger: ApiClient) -> None:
    kinds = {"image/png": 7, "IMAGE/jpeg": 5, "text/plain; charset=utf-8": 40}
    files = [
        await stored(api, os.urandom(size), contentType=content_type) for content_type, size in kinds.items()
    ]
    content = os.urandom(1000)
    gone = await stored(api, content, contentType="video/mp4")
    copy = await uploaded(api, content)
    assert (await settled(api, copy.id))["status"] == "DUPLICATE"
    await asyncio.gather(
        api.request(name="open", size=1), api.delete(gone["id"]), stored(stranger, os.urandom(9))
    )

    # The copy holds the content now.
    files.append((await api.get(copy.id)).data)
    history = (await api.usage_history()).data
    assert history["types"] == [
        {"type": "application", "size": 1000, "files": 1},
        {"type": "text", "size": 40, "files": 1},
        {"type": "image", "size": 12, "files": 2},
    ]
    # Two, should midnight pass meanwhile.
    sizes: Counter[str] = Counter()
    for file in files:
        sizes[file["completedAt"][:10]] += file["size"]
    assert {day["date"]: day["size"] for day in history["days"]} == sizes
    assert sum(day["files"] for day in history["days"]) == len(files)
