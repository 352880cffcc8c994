"""Ids for the shell's completion of a command line."""

import os
from contextlib import suppress
from itertools import islice

from cli.client.formatting import printable
from cli.client.session import find_session
from waybill.client import Client

#: How many of the newest files are searched.
MAX_FILES_EXAMINED = 100


def newest_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return ids of new files that start with ``incomplete``, with names; on an error an empty list."""
    with suppress(Exception):
        session = find_session(os.environ.get("WAYBILL_URL"))
        with Client(session.url, session.token, retry_seconds=0) as client:
            return [
                (file.id, printable(file.name))
                for file in islice(client.files(), MAX_FILES_EXAMINED)
                if file.id.startswith(incomplete)
            ]
    return []
