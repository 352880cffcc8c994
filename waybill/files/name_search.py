"""The form of a name that is searched, and is stored beside the name.

Source: Unicode Standard, 3.13, D145 (canonical caseless matching).
"""

from unicodedata import normalize


def search_form(text: str) -> str:
    """Return a text without differences of case, and with each letter and its marks composed (NFC)."""
    return normalize("NFC", normalize("NFD", text).casefold())
