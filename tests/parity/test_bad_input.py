"""Bad input gets its documented code and leaves no record behind."""

from typing import Any

import pytest

from tests.parity.apis import ApiClient

GOOD: dict[str, Any] = {"name": "a.txt", "size": 5}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"size": -1}, "invalid_input"),
        ({"size": 5 * 1024**4 + 1}, "file_too_large"),
        ({"size": 10**30}, "file_too_large"),
        ({"size": 1.5}, "invalid_input"),
        ({"size": "5"}, "invalid_input"),
        ({"size": True}, "invalid_input"),
        ({"size": None}, "invalid_input"),
        ({"name": ""}, "invalid_input"),
        ({"name": " "}, "invalid_input"),
        ({"name": "a" * 10_000}, "invalid_input"),
        ({"name": "../../etc/passwd"}, "invalid_input"),
        ({"name": ".."}, "invalid_input"),
        ({"name": "a\\b"}, "invalid_input"),
        ({"name": "a\nb"}, "invalid_input"),
        ({"name": "a\x00b"}, "invalid_input"),
        ({"name": "a\x7fb"}, "invalid_input"),
        ({"name": "gpj.\u202eexe"}, "invalid_input"),
        ({"name": "\u2066isolated\u2069"}, "invalid_input"),
        ({"name": "\u200b"}, "invalid_input"),
        ({"name": "\ufeff"}, "invalid_input"),
        ({"name": "\u00ad"}, "invalid_input"),
        ({"name": "\u3164"}, "invalid_input"),
        ({"name": "\u200e \u200f"}, "invalid_input"),
        ({"name": "\U000e0041"}, "invalid_input"),
        ({"name": "lone \ud800 surrogate"}, "invalid_input"),
        ({"name": 7}, "invalid_input"),
        ({"contentType": "no slash"}, "invalid_input"),
        ({"contentType": "text/plain\r\nX-Evil: 1"}, "invalid_input"),
        ({"contentType": "text/plain\n"}, "invalid_input"),
        ({"contentType": "*/*"}, "invalid_input"),
        ({"contentType": "text/plain; charset"}, "invalid_input"),
        ({"contentType": 'text/plain; a="b'}, "invalid_input"),
        ({"contentType": "a/b" + "; " * 120 + "\n"}, "invalid_input"),
        ({"contentType": "a/" + "b" * 300}, "invalid_input"),
        ({"sha256": "abc"}, "invalid_input"),
        ({"sha256": "g" * 64}, "invalid_input"),
        ({"unknown": 1}, "invalid_input"),
    ],
    ids=repr,
)
async def test_a_bad_announcement_is_refused(api: ApiClient, change: dict[str, Any], code: str) -> None:
    assert (await api.request(**GOOD | change)).code == code
    assert (await api.list()).data["items"] == []


@pytest.mark.parametrize(
    "name",
    [
        "\u05e7\u05d5\u05d1\u05e5\u200e.pdf",
        "\u200f\u0645\u0644\u0641.txt",
        "\u061c\u0661.jpg",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f680.png",
    ],
)
async def test_marks_of_arabic_and_hebrew_names_are_kept(api: ApiClient, name: str) -> None:
    assert (await api.request(**GOOD | {"name": name})).data["file"]["name"] == name


@pytest.mark.parametrize("change", [{"contentType": "no slash"}, {"sha256": "abc"}])
async def test_no_message_shows_a_pattern(api: ApiClient, change: dict[str, Any]) -> None:
    [problem] = (await api.request(**GOOD | change)).context["fields"].values()
    assert not set(problem) & set("^$[]*")


@pytest.mark.parametrize("missing", ["name", "size"])
async def test_what_is_required_is_asked_for(api: ApiClient, missing: str) -> None:
    fields = {name: value for name, value in GOOD.items() if name != missing}
    assert (await api.request(**fields)).code == "invalid_input"


@pytest.mark.parametrize("file_id", ["nonsense", "0" * 24, "Z" * 24, "1", "%00", "a" * 500])
async def test_a_wrong_id_is_not_found(api: ApiClient, file_id: str) -> None:
    for operation in (api.get, api.complete, api.download, api.delete):
        assert (await operation(file_id)).code == "file_not_found"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "WzEsMl0",
        "e30",
        "W10",
        "WzFlOTk5LCIwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAiXQ",
        "=" * 9,
        "W" * 5000,
    ],
)
async def test_a_wrong_cursor_is_refused(api: ApiClient, cursor: str) -> None:
    assert (await api.list(cursor=cursor)).code == "invalid_input"


@pytest.mark.parametrize("limit", [0, -1, 101, 10**6])
async def test_a_page_has_one_to_a_hundred_files(api: ApiClient, limit: int) -> None:
    assert (await api.list(limit=limit)).code == "invalid_input"


async def test_an_unknown_status_is_refused(api: ApiClient) -> None:
    assert (await api.list(status=["LOST"])).code == "invalid_input"


async def test_an_unknown_disposition_is_refused(api: ApiClient) -> None:
    requested = await api.request(**GOOD)
    assert (await api.download(requested.id, "sideways")).code == "invalid_input"


async def test_nothing_goes_without_a_token(anonymous: ApiClient) -> None:
    assert (await anonymous.request(**GOOD)).code == "unauthenticated"
    assert (await anonymous.list()).code == "unauthenticated"
    for operation in (anonymous.get, anonymous.complete, anonymous.download, anonymous.delete):
        assert (await operation("0" * 24)).code == "unauthenticated"
