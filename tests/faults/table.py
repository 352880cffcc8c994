"""How often each fault is tried, and the table of docs/reliability.md."""

import os
from dataclasses import dataclass

#: `make faults` repeats each fault more often, and lets outages last and time pass as they really do.
LONG = os.environ.get("FAULTS") == "long"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    times: int
    files: int
    lost: int

    def __str__(self) -> str:
        return f"| {self.fault} | {self.times} | {self.files} | {self.lost} |"


ROWS: list[Row] = []


def rendered() -> list[str]:
    """The table as Markdown."""
    return ["| fault | times | files at stake | files lost |", "|---|--:|--:|--:|", *map(str, ROWS)]
