"""Content-Disposition: no name breaks out, nothing active is shown."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill.files.disposition import Disposition, content_disposition

names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50)


@given(names)
def test_any_name_makes_one_plain_header_that_can_be_read_back(name: str) -> None:
    value = content_disposition(name, "image/png", Disposition.INLINE)
    assert value.isascii()
    assert value.isprintable()
    head, plain, tail = value.split('"')
    assert head == "inline; filename="
    assert "\\" not in plain
    if tail:
        assert unquote(tail.removeprefix("; filename*=UTF-8''")) == name
    else:
        assert plain == name


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "TEXT/HTML",
        "text/html; charset=utf-8",
        "image/svg+xml",
        "application/xml",
        "text/xml",
        "application/xhtml+xml",
        "application/anything+xml",
        "unknown/unknown",
        "application/hta",
        "multipart/related",
        "message/rfc822",
        "text/rdf",
        "text/javascript",
        "application/x-shockwave-flash",
        "video/anything+xml",
        "application/octet-stream",
    ],
)
def test_what_a_browser_may_run_is_never_shown(content_type: str) -> None:
    assert content_disposition("a", content_type, Disposition.INLINE).startswith("attachment;")


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "text/plain", "video/mp4"])
def test_the_rest_is_shown_where_that_is_asked_for(content_type: str) -> None:
    assert content_disposition("a", content_type, Disposition.INLINE).startswith("inline;")
    assert content_disposition("a", content_type, Disposition.ATTACHMENT).startswith("attachment;")
