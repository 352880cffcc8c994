"""The rule for folders: `""` is the top, any other is a path such as `photos/2026/`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from waybill.files.file_name import check_name

MAX_FOLDER_BYTES = 1024


def check_folder(folder: str) -> str:
    """Return a valid folder. Each segment follows the rule for file names.

    Raises:
        ValueError: it does not end with a slash, or a segment is empty or not valid, or it is too long.
    """
    if not folder:
        return folder
    if len(folder.encode()) > MAX_FOLDER_BYTES:
        raise ValueError(f"may have up to {MAX_FOLDER_BYTES} bytes in UTF-8")
    *segments, rest = folder.split("/")
    if rest or not all(segments):
        raise ValueError('must be "" or a path such as "photos/2026/": no slash first, one slash after each')
    for segment in segments:
        try:
            check_name(segment)
        except ValueError as error:
            raise ValueError(f"each segment {error}") from None
    return folder


def end_of(folder: str) -> str:
    """Return the smallest text after all texts that begin with a folder, which must not be the top."""
    return folder[:-1] + chr(ord("/") + 1)


Folder = Annotated[
    str,
    AfterValidator(check_folder),
    Field(
        json_schema_extra={
            "maxLength": MAX_FOLDER_BYTES,
            "pattern": r"^([^/\\\x00-\x1f\x7f-\x9f]+/)*$",
            "examples": ["photos/2026/"],
        }
    ),
]
