"""Parse media types, and write them in one form.

Source: RFC 9110, 5.6.2 (token), 5.6.4 (quoted-string), 5.6.6 (parameters) and 8.3.1 (media type).
"""

import re

MAX_CONTENT_TYPE_CHARACTERS = 255

#: A token without the star, which stands for any type.
CONTENT_TYPE_WORD = r"[A-Za-z0-9!#$%&'+.^_`|~-]+"
_ANY_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_PARAMETER = rf"{_ANY_WORD}=(?:{_ANY_WORD}|{_QUOTED})"

#: For OpenAPI too: every dialect of patterns has these escapes. A space matches in one way only, so no text
#: takes long to refuse.
CONTENT_TYPE_PATTERN = (
    rf"^(?:{CONTENT_TYPE_WORD}/{CONTENT_TYPE_WORD}(?:[ \t]*;(?:[ \t]*{_PARAMETER})?)*[ \t]*)?$"
)

_TYPE = re.compile(CONTENT_TYPE_PATTERN.removesuffix("$"))
_PARAMETERS = re.compile(_PARAMETER)


def parse_content_type(text: str) -> str | None:
    """Return a media type with its parameters separated by "; ", and empty parameters left out.

    Returns:
        None for an empty text, which browsers send for types that they do not know.

    Raises:
        ValueError: it is no media type, or one with a wildcard.
    """
    if _TYPE.fullmatch(text) is None:
        raise ValueError("must be a media type, such as image/png or text/plain; charset=utf-8")
    essence, _, rest = text.partition(";")
    return "; ".join([essence.rstrip(" \t"), *_PARAMETERS.findall(rest)]) or None
