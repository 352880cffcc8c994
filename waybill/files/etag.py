"""ETags of files: strong validators of the JSON that clients receive.

Source: RFC 9110, 8.8.3 (ETag), 8.8.3.2 (strong comparison) and 13.1.1 (If-Match).
"""

import hashlib
import re

from waybill.files import model
from waybill.files.file_json import File

_OPAQUE_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')


def etag_of(file: model.File) -> str:
    """Return the ETag of a file. It differs whenever a field that clients receive has changed."""
    return etag_of_json(File.of(file).model_dump_json(by_alias=True))


def etag_of_json(shown: str) -> str:
    """Return the ETag of a file from the JSON that clients receive."""
    return f'"{hashlib.sha256(shown.encode()).hexdigest()[:32]}"'


def is_match(if_match: str, etag: str) -> bool:
    """Return whether a value of If-Match matches an ETag. A weak ETag never does."""
    if if_match.strip() == "*":
        return True
    return any(tag == etag for weak, tag in _OPAQUE_TAG.findall(if_match) if not weak)
