"""The Content-Disposition of a download, and which types a browser may show."""

from enum import StrEnum
from urllib.parse import quote


class Disposition(StrEnum):
    """How a browser treats a download: save it, or show it where that is safe."""

    ATTACHMENT = "attachment"
    INLINE = "inline"


# Types that browsers show without running a script. All others are attachments, since a list of dangerous
# types is never complete: HTML, SVG, XML, HTA, MHTML, and content that a browser takes for one of these
# (WHATWG MIME Sniffing, 7).
_SHOWN_FAMILIES = ("audio/", "video/")
_SHOWN = frozenset(
    {
        *("image/apng", "image/avif", "image/bmp", "image/gif", "image/heic", "image/jpeg", "image/png"),
        *("image/tiff", "image/vnd.microsoft.icon", "image/webp", "image/x-icon"),
        *("application/json", "application/pdf", "text/csv", "text/markdown", "text/plain"),
    }
)

# RFC 5987, 3.2.1: attr-char.
_ATTRIBUTE_LETTERS = "!#$&+-.^_`|~"


def content_disposition(name: str, content_type: str, wanted: Disposition) -> str:
    """Return the header value for a file of that name and type (RFC 6266, and RFC 5987 beyond ASCII).

    Only images without scripts, audio, video, PDF and plain text can be inline. No character of ``name`` can
    end the quoted string or the header.
    """
    kind = wanted if _is_shown(content_type) else Disposition.ATTACHMENT
    # Old clients read `filename`. It is ASCII without a percent sign, because some of them decode that.
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_LETTERS)}"
    return value


def _is_shown(content_type: str) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return essence in _SHOWN or (essence.startswith(_SHOWN_FAMILIES) and not essence.endswith("+xml"))
