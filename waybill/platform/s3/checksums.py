"""Checksums in responses of the store.

Source: Amazon S3 User Guide, "Checking object integrity".
"""

import base64
import binascii


def whole_sha256(checksum: str | None, kind: str | None) -> str | None:
    """Return the SHA-256 of an object's whole content, in hexadecimal, or None if the store returned none.

    For an object that was sent in parts the store may return a checksum of the parts' checksums. Its type is
    COMPOSITE, and it ends with the number of parts. SeaweedFS returns no type.
    """
    if checksum is None or kind not in {None, "FULL_OBJECT"}:
        return None
    try:
        digest = base64.b64decode(checksum, validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
