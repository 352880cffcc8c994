"""The searched form of a name, which is stored next to the name.

Source: Unicode Standard, 3.13, D145 (canonical caseless matching).
"""

from unicodedata import normalize


def search_form(text: str) -> str:
    """Return a text in NFC and without differences between upper and lower case."""
    return normalize("NFC", normalize("NFD", text).casefold())
