"""What the store says of checksums.

Source: Amazon S3 User Guide, "Checking object integrity".
"""

import base64
import binascii


def whole_sha256(told: str | None, kind: str | None) -> str | None:
    """The SHA-256 of an object's whole content, in hexadecimal, or None where the store told no such thing.

    Of an object that came in parts the store may tell a checksum of the parts' checksums: its type is
    COMPOSITE and it ends in the number of parts. SeaweedFS tells no type.
    """
    if told is None or kind not in {None, "FULL_OBJECT"}:
        return None
    try:
        digest = base64.b64decode(told, validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
