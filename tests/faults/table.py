"""How often each fault is tried, and the tables of docs/reliability.md."""

import os
from collections import Counter
from dataclasses import dataclass, field

#: `make faults` and `make cluster` repeat each fault more often, and let outages last and time pass as they
#: really do.
LONG = "long" in {os.environ.get("FAULTS"), os.environ.get("CLUSTER")}


@dataclass(frozen=True)
class Row:
    """One line of a table.

    ``files`` are those that a client had completed; ``stuck`` those without a verdict two minutes after the
    fault. The silences are the longest times in seconds without a successful answer to any client, and
    without a verdict on any file; None if not measured. ``codes`` counts the statuses of all answers.
    """

    fault: str
    times: int
    files: int
    lost: int
    stuck: int = 0
    answer_silence: float | None = None
    verdict_silence: float | None = None
    codes: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        silences = [
            "-" if each is None else f"{each:.1f} s" for each in (self.answer_silence, self.verdict_silence)
        ]
        codes = ", ".join(f"{count} x {code}" for code, count in sorted(self.codes.items())) or "-"
        cells = [self.fault, self.times, self.files, self.lost, self.stuck, *silences, codes]
        return f"| {' | '.join(map(str, cells))} |"


ROWS: list[Row] = []

#: Figures that have no place in the table, one in a line.
NOTES: list[str] = []


def rendered() -> list[str]:
    """The table as Markdown."""
    return [
        "| fault | times | files at stake | lost | stuck | longest silence of answers | of verdicts "
        "| codes that clients saw |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
        *map(str, ROWS),
    ]
