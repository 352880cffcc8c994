"""The arrows between statuses, out of the table that the code goes by."""

from docs.generators.markdown import code, table
from waybill.files.lifecycle import ARROWS, is_final


def render() -> str:
    """Where a file may go from each status."""
    return table(
        ("from", "to"),
        (
            (
                code(status),
                "final" if is_final(status) else ", ".join(code(each) for each in ARROWS if each in targets),
            )
            for status, targets in ARROWS.items()
        ),
    )
