"""Repeated looks at an object: how many in a row found the same problem, and when the next is due."""

from waybill.files.model import File
from waybill.platform.mongo.expressions import InSeconds
from waybill.platform.settings import Settings

#: The most seconds between two looks.
LONGEST_RETRY_DELAY_SECONDS = 3600


def count_looks(file: File, problem: str | None) -> int:
    """Return how many looks in a row have found ``problem`` (None: no problem), including this one."""
    return 1 + (file.looks or 0) if file.doubt == problem else 1


def next_look(settings: Settings, looks: int) -> InSeconds:
    """Return the time of the look after ``looks`` looks. The delay doubles each time, up to a limit."""
    doubled = settings.verify_retry_delay * 2.0 ** min(looks - 1, 30)
    return InSeconds(min(doubled, LONGEST_RETRY_DELAY_SECONDS))
