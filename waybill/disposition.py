"""The Content-Disposition of a download, and which types a browser may show."""

from enum import StrEnum
from urllib.parse import quote


class Disposition(StrEnum):
    """How a browser treats a download: save it, or show it where that is safe."""

    ATTACHMENT = "attachment"
    INLINE = "inline"


# A browser runs scripts in these, with the store's origin. The last two make it guess, and it may guess HTML
# (WHATWG MIME Sniffing, 7).
_ACTIVE = frozenset(
    {
        "text/html",
        "text/xml",
        "text/xsl",
        "application/xml",
        "multipart/x-mixed-replace",
        "unknown/unknown",
        "application/unknown",
    }
)

# RFC 5987, 3.2.1: attr-char.
_ATTRIBUTE_LETTERS = "!#$&+-.^_`|~"


def content_disposition(name: str, content_type: str, wanted: Disposition) -> str:
    """The header value for a file of that name and type (RFC 6266, with RFC 5987 for other than ASCII).

    HTML, SVG and XML are always attachments. No letter of ``name`` can end the quoted string or the header.
    """
    kind = Disposition.ATTACHMENT if _is_active(content_type) else wanted
    # Old clients read `filename`: plain ASCII, and no percent sign, which some of them decode.
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_LETTERS)}"
    return value


def _is_active(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence in _ACTIVE or essence.endswith("+xml")
