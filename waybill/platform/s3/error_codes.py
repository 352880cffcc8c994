"""Error codes of S3 stores about sent content: one table for the server, the Python client and the page.

| code | meaning | stores | source |
|---|---|---|---|
| BadDigest | the content has another checksum | Amazon S3, SeaweedFS | 1, 3 |
| XAmzContentChecksumMismatch | the same, for ``x-amz-checksum-*`` | MinIO and its forks | 2 |
| XAmzContentSHA256Mismatch | the same, for ``x-amz-content-sha256`` | Amazon S3, MinIO and its forks | 1, 2 |
| InvalidRequest | the same, only if the message names the checksum | Amazon S3 | 1 |
| InvalidPart | a part is missing, or was sent again after it was listed | all | 1, 2, 3 |
| NoSuchUpload | the multipart upload was completed, was aborted, or never existed | all | 1, 2, 3 |

Sources: 1. Amazon S3 API Reference, "Error responses"; 2. MinIO, cmd/api-errors.go; 3. SeaweedFS,
weed/s3api/s3err/s3api_errors.go. The page's copy is web/src/page/store-codes.ts, which a test compares.
"""

WRONG_CONTENT = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
#: Has many meanings. It is one of ``WRONG_CONTENT`` if its message contains the word "checksum".
INVALID_REQUEST = "InvalidRequest"
PART_INVALID = frozenset({"InvalidPart"})
UPLOAD_GONE = frozenset({"NoSuchUpload"})


def means_wrong_content(code: str, message: str) -> bool:
    """Return whether the store refused content because its checksum is not the signed one."""
    return code in WRONG_CONTENT or (code == INVALID_REQUEST and "checksum" in message.lower())
