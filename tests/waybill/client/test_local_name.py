"""A server's name for a file does no harm on this machine."""

import os

import pytest

from waybill.client.local_name import NAME_MAX_BYTES, local_name

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("photo.jpg", "photo.jpg"),
        ("\u05d0\u200f.txt", "\u05d0\u200f.txt"),
        (".bashrc", "_bashrc"),
        ("..", "id"),
        ("../.bashrc", "id"),
        ("a\\b", "id"),
        ("", "id"),
        ("a\x1b[2Jb\n\x9b", "a_[2Jb__"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a\ud800b", "a_b"),
    ],
)
def test_a_name_neither_leads_elsewhere_nor_hides(name: str, saved: str) -> None:
    assert local_name(name, fallback="id") == saved


@pytest.mark.parametrize("fallback", ["", "..", "../../.ssh/authorized_keys", "a/b"])
def test_nor_does_an_id(fallback: str) -> None:
    assert local_name("a/b", fallback=fallback) == "download"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a" * 255, "a" * 255),
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
        ("\u8a9e" * 90 + ".pdf", "\u8a9e" * 83 + ".pdf"),
        ("a" * 300 + "." + "b" * 50, "a" * 255),
        # A letter stays with its accent, and a family together.
        ("a" * 253 + "e\u0301", "a" * 253),
        ("a" * 250 + FAMILY + ".txt", "a" * 250 + ".txt"),
    ],
)
def test_a_long_name_is_shortened_before_its_ending(name: str, saved: str) -> None:
    assert local_name(name, fallback="id") == saved
    assert len(os.fsencode(saved)) <= NAME_MAX_BYTES
