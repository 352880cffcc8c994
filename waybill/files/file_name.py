"""The rule for file names.

Source: Unicode Standard Annex 9 (Bidirectional Algorithm), and Annex 44, Default_Ignorable_Code_Point.
"""

import unicodedata

from pydantic.config import JsonDict

MAX_NAME_CHARACTERS = 255

# Overrides, embeddings and isolates change the order of what follows: "exe.jpg" is shown as "gpj.exe". Marks
# (U+061C, U+200E, U+200F) cannot, and Arabic and Hebrew names contain them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = frozenset("\u2028\u2029")

# Invisible characters, in addition to the categories Zs (spaces) and Cf (format).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))
    for code in range(first, last + 1)
)

# Characters of the category Cf that are visible: they stand before or around Arabic and Syriac numbers.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")


def _shows_nothing(letter: str) -> bool:
    return letter in _BLANK or (unicodedata.category(letter) in {"Zs", "Cf"} and letter not in _SEEN)


# The same rule for OpenAPI, in a pattern that every dialect reads. It leaves out characters beyond U+FFFF,
# since some dialects read each of them as two characters. "not" excludes the names "." and "..".
_UNSAFE = r"\x00-\x1f\x7f-\x9f/\\" + "".join(
    f"\\u{ord(letter):04x}" for letter in sorted(_REORDERING | _LINE_ENDS)
)
_SHOWS_NOTHING = "".join(
    f"\\u{code:04x}" for code in range(0x10000) if _shows_nothing(chr(code)) and chr(code) not in _REORDERING
)
NAME_SCHEMA: JsonDict = {
    "pattern": f"^[^{_UNSAFE}]*[^{_UNSAFE}{_SHOWS_NOTHING}][^{_UNSAFE}]*$",
    "not": {"enum": [".", ".."]},
}


def check_name(name: str) -> str:
    """Return a name that is safe to show and to save.

    Raises:
        ValueError: it is a path, is invisible, or has control characters, line ends, or characters that
            change the order in which it is shown.
    """
    if any(unicodedata.category(letter) == "Cc" or letter in _LINE_ENDS for letter in name):
        raise ValueError("must not hold control characters or line ends")
    if any(letter in _REORDERING for letter in name):
        raise ValueError("must not hold characters that change the reading direction")
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError("must be a file name, not a path")
    if all(_shows_nothing(letter) for letter in name):
        raise ValueError("must not be blank")
    return name
